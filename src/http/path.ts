// Reads the path of a request. A path that could leave the configured base path is rejected, never repaired (N3).
import { RelayError } from "../shared/errors.ts";
import { decodeOnce, parameterName } from "../shared/query-names.ts";

/** The part after the mount path, split but not decoded. */
export interface RequestPath {
  /** With its leading slash: `/chat/completions`. */
  path: string;
  /** With its leading `?`, or `""`. */
  query: string;
}

// Any number of encodings: a server that decodes once more than the next one must not see a different path.
const ENCODED_SEPARATOR = /%(?:25)*(?:2f|5c|[01][\da-f]|7f)/i;
const DOT_SEGMENT = /\/(?:\.|%(?:25)*2e){1,2}(?:[/;]|%(?:25)*3b|$)/i;
// What a router in front resolves before it looks for a guard: dot segments and backslashes, plain or encoded.
const NOT_NORMAL = /\/(?:\.|%2e){1,2}(?:\/|$)|\\|%5c/i;
// All characters that a path may contain unencoded (RFC 3986), and a few that servers tolerate.
const PATH_CHARACTERS = /^(?:[\w\-.~!$&'()*+,;=:@/|[\]{}^"`<>\u0080-\u00ff]|%[\da-fA-F]{2})*$/;
const NOT_IN_QUERY = /[^\u0021-\u007e\u0080-\u00ff]|#/;
const RESERVED = "_relay";

/**
 * Splits the target after the mount path and rejects everything that is not clearly inside it.
 * @throws RelayError `ERR_RELAY_PATH`
 */
export function readPath(target: string): RequestPath {
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? "" : target.slice(mark);
  const fault =
    faultOf(path) ??
    (NOT_IN_QUERY.test(query) ? "its query contains a character that must be encoded" : undefined);
  if (fault) throw new RelayError("ERR_RELAY_PATH", { detail: fault });
  return { path, query };
}

function faultOf(path: string): string | undefined {
  if (path !== "" && path[0] !== "/") return "it must be a path, not a whole URL";
  if (path.includes("//")) return "it contains an empty segment";
  if (DOT_SEGMENT.test(path)) return "it contains a `.` or `..` segment";
  if (ENCODED_SEPARATOR.test(path)) return "it contains an encoded slash or control character";
  if (!PATH_CHARACTERS.test(path)) return "it contains a character that must be encoded";
  return undefined;
}

/**
 * True where a raw path is its own normal form, so that a guard of a router in front has judged the same path that the upstream gets (N3).
 * The query is not examined.
 */
export function isNormal(raw: string): boolean {
  const mark = raw.indexOf("?");
  return !NOT_NORMAL.test(mark < 0 ? raw : raw.slice(0, mark));
}

/** The error for a path that is not normal. */
export function toNotNormal(): RelayError {
  return new RelayError("ERR_RELAY_PATH", {
    detail: "it contains a `.` or `..` segment or a backslash, plain or encoded",
  });
}

/** True when a path belongs to the relay itself (J10), also where its name is encoded or in upper case. */
export function isReserved(path: string): boolean {
  // No other character can decode to the first letter.
  if (path[1] !== "_" && path[1] !== "%") return false;
  const [first = ""] = path.slice(1).split("/", 1);
  if (first.length < RESERVED.length) return false;
  return decodeFully(first).split(";", 1)[0]!.toLowerCase() === RESERVED;
}

function decodeFully(segment: string): string {
  let decoded = segment;
  for (let last = ""; decoded !== last && decoded.includes("%");) {
    last = decoded;
    decoded = decodeOnce(decoded);
  }
  return decoded;
}

/** Removes credentials from a query (`?key=…`); the rest is passed on unchanged. */
export function withoutParameters(query: string, names: readonly string[]): string {
  if (query.length < 2 || names.length === 0) return query;
  const kept = query
    .slice(1)
    .split("&")
    .filter((pair) => !names.includes(parameterName(pair)));
  return kept.length > 0 ? `?${kept.join("&")}` : "";
}
