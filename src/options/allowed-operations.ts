// The option `upstream.allow`: which operations clients may use beside the default ones.
import type { Asked, Dialect } from "../contract/dialect.ts";
import type { Operation, OperationTable } from "../contract/operations.ts";
import { operationOf } from "../dialects/operation-of.ts";
import { type ParsedPattern, parsePattern, PathPatterns } from "../shared/path-patterns.ts";
import { ANY } from "../shared/patterns.ts";
import { overridesMethod } from "../shared/query-names.ts";
import type { Faults } from "./faults.ts";
import { didYouMean } from "./suggest.ts";
import type { UpstreamOptions } from "./upstream-types.ts";

/** Why an operation is not allowed: its kind is restricted, it is not known, or the query names another method. */
export type Disallowed =
  | { why: "restricted"; operation: Operation }
  | { why: "unknown" }
  | { why: "method" };

/** Decides which operations of one upstream clients may use (N13). */
export class AllowedOperations {
  /** The option `allow`. */
  readonly given: readonly string[];
  readonly #dialect: Pick<Dialect, "operations">;
  readonly #basePath: string;
  readonly #allowsAll: boolean;
  readonly #kinds: ReadonlySet<string>;
  readonly #patterns: PathPatterns<true> | undefined;

  /** `allow` has no faults. `basePath` is the path of the upstream's base URL. */
  constructor(dialect: Pick<Dialect, "operations">, allow: readonly string[], basePath: string) {
    this.given = allow;
    this.#dialect = dialect;
    this.#basePath = basePath;
    this.#allowsAll = dialect.operations === undefined || allow.includes(ANY);
    this.#kinds = new Set(allow);
    const patterns = allow.flatMap((one) => parsePattern(one) ?? []);
    if (patterns.length > 0) this.#patterns = compile(patterns, dialect.operations);
  }

  /** Returns why clients may not use an operation; `undefined` if they may. */
  whyNot({ method, path, query }: Omit<Asked, "json">): Disallowed | undefined {
    if (this.#allowsAll) return undefined;
    if (query !== "" && overridesMethod(query)) return { why: "method" };
    // A base URL may be a whole endpoint; a request for the mount itself goes there.
    const whole = path.length < 2 ? this.#basePath : path;
    const operation = operationOf(this.#dialect, method, whole);
    if (operation?.isDefault) return undefined;
    if (operation && this.#kinds.has(operation.kind)) return undefined;
    if (this.#patterns?.find(method, path)) return undefined;
    return operation ? { why: "restricted", operation } : { why: "unknown" };
  }
}

function compile(
  patterns: readonly ParsedPattern[],
  table: OperationTable | undefined,
): PathPatterns<true> {
  const compiled = new PathPatterns<true>(table);
  for (const pattern of patterns) compiled.add(pattern, true);
  return compiled;
}

/** Resolves the option at `path`. */
export function resolveAllow(
  path: string,
  dialect: Dialect,
  { allow, baseURL }: Pick<UpstreamOptions, "allow" | "baseURL">,
  faults: Faults,
): AllowedOperations {
  const given = allow ?? [];
  const { operations } = dialect;
  if (operations === undefined && allow !== undefined)
    faults.add(
      path,
      `has no effect: the dialect ${dialect.name} has no list of operations, and passes every path`,
    );
  else
    given.forEach((one, index) => {
      const fault = operations && faultOf(one, given.slice(0, index), operations);
      if (fault !== undefined) faults.add(`${path}[${index}]`, fault);
    });
  return new AllowedOperations(dialect, given, new URL(baseURL!).pathname.replace(/\/+$/, ""));
}

function faultOf(
  given: string,
  before: readonly string[],
  { defaults, restricted }: OperationTable,
): string | undefined {
  if (before.includes(given)) return "is a duplicate";
  if (given === ANY || Object.hasOwn(restricted, given)) return undefined;
  if (Object.hasOwn(defaults, given)) return "is allowed by default: remove it";
  if (given.includes(" ") || given.includes("/")) return faultOfPattern(given);
  const names = Object.keys(restricted);
  return `must be \`*\`, a pattern like \`DELETE /files/*\`, or one of ${names.join(", ")}${didYouMean(given, names)}`;
}

function faultOfPattern(given: string): string | undefined {
  if (parsePattern(given)) return undefined;
  const [method = "", path = "", ...more] = given.split(" ");
  if (more.length > 0 || !path.startsWith("/"))
    return "must be a method, one space and a path: `DELETE /files/*`";
  if (!/^(?:\*|GET|POST|PUT|PATCH|DELETE)$/.test(method))
    return "must begin with GET (which includes HEAD), POST, PUT, PATCH, DELETE, or `*` for every method, in capitals";
  return "must have a path without a query, with at most one `*` in a segment, and `**` only as the last segment";
}
