// Refuses operations that no upstream allows, before the body of a request is read (N13).
import type { Asked } from "../contract/dialect.ts";
import { DIALECTS } from "../dialects/builtin.ts";
import { operationOf } from "../dialects/operation-of.ts";
import { checkVersion } from "../http/api-version.ts";
import type { Fault } from "../observe/fault-log.ts";
import type { Disallowed } from "../options/allowed-operations.ts";
import { slipOf } from "../options/suggest.ts";
import type { UpstreamConfig } from "../options/upstreams.ts";
import { RelayError } from "../shared/errors.ts";
import { parsePattern } from "../shared/path-patterns.ts";

type Requested = Omit<Asked, "json">;

/** Maximum length of a path in a message, in characters. */
const SHOWN = 200;

/**
 * Passes a request whose operation at least one upstream allows.
 * @throws RelayError `ERR_RELAY_OPERATION`; `ERR_RELAY_VERSION` where every upstream would refuse the path for its version.
 */
export function checkOperation(
  upstreams: ReadonlyMap<string, UpstreamConfig>,
  asked: Requested,
  mount: string,
): void {
  for (const { operations } of upstreams.values()) if (!operations.whyNot(asked)) return;
  throw toRefusal([...upstreams.values()], asked, mount);
}

function toRefusal(upstreams: readonly UpstreamConfig[], asked: Requested, mount: string): unknown {
  let misplaced: unknown;
  for (const upstream of upstreams) {
    try {
      checkVersion(asked.path, mount, upstream, upstream.pools[0]!.endpoints[0]!);
    } catch (error) {
      misplaced ??= error;
      continue;
    }
    return toOperationError(upstream, asked, upstream.operations.whyNot(asked)!);
  }
  return misplaced;
}

/** The error for an operation that an upstream does not allow. */
export function toOperationError(
  upstream: UpstreamConfig,
  asked: Requested,
  disallowed: Disallowed,
): RelayError {
  const { name } = upstream;
  const option = name === "default" ? "upstream.allow" : `upstreams.${name}.allow`;
  return new RelayError("ERR_RELAY_OPERATION", {
    path: `${asked.method} ${asked.path.slice(0, SHOWN) || "/"}`,
    ...withQuestion(describe(upstream, asked, disallowed, option), meantBy(upstream, asked)),
  });
}

function withQuestion(
  { detail, advice }: { detail: string; advice: string },
  meant: string | undefined,
): { detail: string; advice: string } {
  return { detail, advice: meant === undefined ? advice : `Did you mean ${meant}? ${advice}` };
}

/** The default operation that a client may have meant: the same path with another method, or a path with a typo. */
function meantBy({ dialect }: UpstreamConfig, { method, path }: Requested): string | undefined {
  const other = ["POST", "GET"].find(
    (one) => one !== method && operationOf(dialect, one, path)?.isDefault,
  );
  if (other !== undefined && method !== "HEAD" && method !== "DELETE")
    return `${other} ${path.slice(0, SHOWN)}`;
  const [, version = "", rest = path] = /^(\/v\d+\w*)(\/.*)$/.exec(path) ?? [];
  const paths = Object.values(dialect.operations?.defaults ?? {})
    .flat()
    .map((name) => name.split(" ") as [string, string])
    .filter(([own, one]) => own === method && !one.includes("{"))
    .map(([, one]) => one);
  const near = slipOf(rest, paths);
  return near === undefined || near === rest ? undefined : `${method} ${version}${near}`;
}

function describe(
  { dialect }: UpstreamConfig,
  asked: Requested,
  disallowed: Disallowed,
  option: string,
): { detail: string; advice: string } {
  if (disallowed.why === "method")
    return {
      detail: "its query names another method, which some servers use instead of the request's own",
      advice: "Remove that parameter from the query.",
    };
  if (disallowed.why === "restricted") {
    const { kind, name } = disallowed.operation;
    const pattern = name.replace(/^\*/, asked.method);
    return {
      detail: `it is an operation of the kind "${kind}"`,
      advice: `Only the operator can change that: the relay's option \`${option}\` must contain "${kind}", or "${pattern}" for this operation alone.`,
    };
  }
  const foreign = Object.values(DIALECTS).find(
    (one) => one.name !== dialect.name && operationOf(one, asked.method, asked.path)?.isDefault,
  );
  const pattern = `${asked.method === "HEAD" ? "GET" : asked.method} ${asked.path}`;
  const hint = foreign ? ` (it is one of the dialect ${foreign.name})` : "";
  return {
    detail: `the dialect ${dialect.name} has no such operation${hint}`,
    advice:
      asked.path.length <= SHOWN && parsePattern(pattern) && !pattern.includes("*")
        ? `If the upstream has it, the relay's option \`${option}\` must contain "${pattern}".`
        : `If the upstream has it, the relay's option \`${option}\` must name it, with method and path.`,
  };
}

/** What the operator reads about it, once for each operation. */
export function operationFault({ facts, message }: RelayError): Fault {
  return {
    subject: "operations",
    kind: facts.detail ?? "",
    what: `a request was refused with 403: ${message.replace(/\.$/, "")}`,
    advice: "docs/security.md#operations lists what clients may do by default",
    endedBy: undefined,
  };
}
