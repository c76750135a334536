// Finds which pattern of method and path a request matches: `GET /responses/{id}`, `* /files/**`. A path that a server could read as
// another path matches no pattern.

import { ANY } from "./patterns.ts";

/** How the paths of an API are read. */
export interface PathForm {
  /** Segments that may stand before every path, beside a version: `openai`. */
  readonly prefixes?: readonly string[] | undefined;
  /** True where a segment may end with a method of its own (`models/x:generateContent`): a placeholder then contains no `:`. */
  readonly hasVerbs?: boolean | undefined;
}

/** What a pattern consists of. */
export interface ParsedPattern {
  /** `*` for every method. */
  method: string;
  segments: readonly string[];
}

const PATTERN =
  /^(\*|GET|POST|PUT|PATCH|DELETE) ((?:\/(?:[\w\-.~!$&'()+,=:@|%]|\*|\{\w+\})+)+|\/)$/;
const VERSION = /^v\d+\w*$/;
/** Delimiters that some servers read inside a segment, plain or encoded; `%25` hides a second encoding. */
const NOT_PLAIN = /^\.{1,2}$|[;\\]|%(?:2[35ef]|3[bf]|5c|[01]|7f)/i;
const NOT_PLAIN_WITH_VERBS = /^\.{1,2}$|[;\\]|%(?:2[35ef]|3[abf]|5c|[01]|7f)/i;
const LETTER_V = 0x76;

/** Splits a pattern; `undefined` if it is none. A name in braces is the same as `*`. */
export function parsePattern(pattern: string): ParsedPattern | undefined {
  const [, method, path] = PATTERN.exec(pattern) ?? [];
  if (method === undefined || path === undefined) return undefined;
  const segments = path
    .slice(1)
    .replace(/\{\w+\}/g, "*")
    .split("/");
  const isValid = segments.every((segment, at) =>
    segment.includes("**")
      ? segment === "**" && at === segments.length - 1
      : segment.split("*").length <= 2 && !/^\.{1,2}$/.test(segment),
  );
  return isValid ? { method, segments } : undefined;
}

/** A segment with a placeholder in it: `file-*`. */
interface Partial<Value> {
  head: string;
  tail: string;
  node: PathNode<Value>;
}

class PathNode<Value> {
  readonly literals = new Map<string, PathNode<Value>>();
  /** By the end of a segment that a placeholder begins: `:generateContent`. */
  readonly verbs = new Map<string, PathNode<Value>>();
  readonly partials: Partial<Value>[] = [];
  placeholder: PathNode<Value> | undefined;
  /** Values of patterns that end here, by method. */
  readonly ends = new Map<string, Value>();
  /** Values of patterns for this path and everything below it, by method. */
  readonly trees = new Map<string, Value>();

  child(segment: string): PathNode<Value> {
    if (segment === "*") return (this.placeholder ??= new PathNode());
    if (segment.startsWith("*:")) return childOf(this.verbs, segment.slice(1));
    const star = segment.indexOf("*");
    if (star < 0) return childOf(this.literals, segment);
    const [head, tail] = [segment.slice(0, star), segment.slice(star + 1)];
    const known = this.partials.find((one) => one.head === head && one.tail === tail);
    if (known) return known.node;
    const node = new PathNode<Value>();
    this.partials.push({ head, tail, node });
    return node;
  }
}

function childOf<Value>(map: Map<string, PathNode<Value>>, name: string): PathNode<Value> {
  let node = map.get(name);
  if (!node) map.set(name, (node = new PathNode()));
  return node;
}

/** Patterns with a value each. Of several that match, the one with a literal segment has priority over one with a placeholder. */
export class PathPatterns<Value> {
  readonly #root = new PathNode<Value>();
  readonly #prefixes: ReadonlySet<string>;
  readonly #hasVerbs: boolean;
  readonly #notPlain: RegExp;
  /** Values of patterns without placeholders, by method and path: most requests are found here. */
  readonly #exact = new Map<string, Map<string, Value>>();
  /** True where a pattern can match a version or a prefix, which are skipped otherwise. */
  #readsStart = false;

  constructor({ prefixes = [], hasVerbs = false }: PathForm = {}) {
    this.#prefixes = new Set(prefixes);
    this.#hasVerbs = hasVerbs;
    this.#notPlain = hasVerbs ? NOT_PLAIN_WITH_VERBS : NOT_PLAIN;
  }

  /** Adds a pattern; the first value of a pattern stays. */
  add({ method, segments }: ParsedPattern, value: Value): void {
    const isTree = segments.at(-1) === "**";
    const [first = ""] = segments;
    const isOpen = first.includes("*") && !first.includes(":");
    if (isOpen || VERSION.test(first) || this.#prefixes.has(first)) this.#readsStart = true;
    if (!segments.some((segment) => segment.includes("*"))) this.#addExact(method, segments, value);
    let node = this.#root;
    for (const segment of isTree ? segments.slice(0, -1) : segments)
      if (segment !== "") node = node.child(segment);
    const values = isTree ? node.trees : node.ends;
    if (!values.has(method)) values.set(method, value);
  }

  /**
   * Returns the value of the pattern that a request matches. A version (`/v1`) and a prefix before the path need not be part of the
   * pattern; a slash at the end is ignored; HEAD is read as GET.
   */
  find(method: string, path: string): Value | undefined {
    const given = path.endsWith("/") ? path.slice(0, -1) : path;
    const read = method === "HEAD" ? "GET" : method;
    const exact = this.#exact.get(read)?.get(given);
    if (exact !== undefined) return exact;
    const start = this.#startOf(given);
    const found =
      start === 1 || this.#readsStart ? this.#look(this.#root, given, 1, read) : undefined;
    if (found !== undefined || start === 1) return found;
    const rest = this.#exact.get(read)?.get(given.slice(start - 1));
    return rest ?? this.#look(this.#root, given, start, read);
  }

  #addExact(method: string, segments: readonly string[], value: Value): void {
    if (method === ANY) return;
    let paths = this.#exact.get(method);
    if (!paths) this.#exact.set(method, (paths = new Map()));
    const path = `/${segments.join("/")}`;
    if (!paths.has(path)) paths.set(path, value);
  }

  /** Where the path begins after one version and one prefix, in any order. */
  #startOf(path: string): number {
    let start = 1;
    let isVersioned = false;
    let isPrefixed = false;
    for (;;) {
      const slash = path.indexOf("/", start);
      if (slash < 0) return start;
      const segment = path.slice(start, slash);
      if (!isVersioned && segment.charCodeAt(0) === LETTER_V && VERSION.test(segment))
        isVersioned = true;
      else if (!isPrefixed && this.#prefixes.has(segment)) isPrefixed = true;
      else return start;
      start = slash + 1;
    }
  }

  #look(node: PathNode<Value>, path: string, start: number, method: string): Value | undefined {
    if (start > path.length)
      return (
        node.ends.get(method) ?? node.ends.get("*") ?? node.trees.get(method) ?? node.trees.get("*")
      );
    const slash = path.indexOf("/", start);
    const end = slash < 0 ? path.length : slash;
    const segment = path.slice(start, end);
    const literal = node.literals.get(segment);
    const found = literal && this.#look(literal, path, end + 1, method);
    if (found !== undefined || !this.#isPlain(segment)) return found;
    return (
      this.#lookVerb(node, path, segment, end + 1, method) ??
      this.#lookPlaceholder(node, path, segment, end + 1, method) ??
      this.#lookTree(node, path, end, method)
    );
  }

  #lookVerb(
    node: PathNode<Value>,
    path: string,
    segment: string,
    next: number,
    method: string,
  ): Value | undefined {
    if (node.verbs.size === 0) return undefined;
    const colon = segment.indexOf(":");
    const verb = colon < 0 ? undefined : node.verbs.get(segment.slice(colon));
    return verb && this.#look(verb, path, next, method);
  }

  #lookPlaceholder(
    { partials, placeholder }: PathNode<Value>,
    path: string,
    segment: string,
    next: number,
    method: string,
  ): Value | undefined {
    for (const { head, tail, node } of partials) {
      if (segment.length <= head.length + tail.length) continue;
      if (!segment.startsWith(head) || !segment.endsWith(tail)) continue;
      if (this.#hasVerbs && segment.slice(head.length, -tail.length || undefined).includes(":"))
        continue;
      const found = this.#look(node, path, next, method);
      if (found !== undefined) return found;
    }
    if (!placeholder || (this.#hasVerbs && segment.includes(":"))) return undefined;
    return this.#look(placeholder, path, next, method);
  }

  /** A pattern for everything below a path: every further segment must be plain. */
  #lookTree(
    { trees }: PathNode<Value>,
    path: string,
    end: number,
    method: string,
  ): Value | undefined {
    const value = trees.get(method) ?? trees.get("*");
    if (value === undefined || end >= path.length) return value;
    const rest = path.slice(end + 1).split("/");
    return rest.every((segment) => this.#isPlain(segment)) ? value : undefined;
  }

  #isPlain(segment: string): boolean {
    return segment !== "" && !this.#notPlain.test(segment);
  }
}
