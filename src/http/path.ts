// Where a request points. Whatever could leave the configured base path is refused, never repaired (N3).
import { RelayError } from "../shared/errors.ts";

/** What follows the mount point, split but not decoded. */
export interface RequestPath {
  /** With its leading slash: `/chat/completions`. */
  path: string;
  /** With its leading `?`, or `""`. */
  query: string;
}

// However often encoded: a server that decodes once more than its neighbour must not see another path.
const ENCODED_SEPARATOR = /%(?:25)*(?:2f|5c|[01][\da-f]|7f)/i;
const DOT_SEGMENT = /\/(?:\.|%(?:25)*2e){1,2}(?:[/;]|%(?:25)*3b|$)/i;
// Everything a path may hold undecoded (RFC 3986) and a few marks that servers tolerate.
const PATH_CHARACTERS = /^(?:[\w\-.~!$&'()*+,;=:@/|[\]{}^"`<>\u0080-\u00ff]|%[\da-fA-F]{2})*$/;
const NOT_IN_QUERY = /[^\u0021-\u007e\u0080-\u00ff]|#/;
const RESERVED = "_relay";

/**
 * Splits the mount tail and refuses what is not plainly inside it.
 * @throws RelayError `ERR_RELAY_PATH`
 */
export function readPath(target: string): RequestPath {
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? "" : target.slice(mark);
  const fault =
    faultOf(path) ??
    (NOT_IN_QUERY.test(query) ? "its query holds a character that must be encoded" : undefined);
  if (fault) throw new RelayError("ERR_RELAY_PATH", { detail: fault });
  return { path, query };
}

function faultOf(path: string): string | undefined {
  if (path !== "" && path[0] !== "/") return "it must be a path, not a whole URL";
  if (path.includes("//")) return "it holds an empty segment";
  if (DOT_SEGMENT.test(path)) return "it holds a `.` or `..` segment";
  if (ENCODED_SEPARATOR.test(path)) return "it holds an encoded slash or control character";
  if (!PATH_CHARACTERS.test(path)) return "it holds a character that must be encoded";
  return undefined;
}

/** Tells whether a path is the relay's own (J10), also where its name is encoded or written large. */
export function isReserved(path: string): boolean {
  // Nothing else can become its first letter.
  if (path[1] !== "_" && path[1] !== "%") return false;
  const [first = ""] = path.slice(1).split("/", 1);
  if (first.length < RESERVED.length) return false;
  return decodeFully(first).split(";", 1)[0]!.toLowerCase() === RESERVED;
}

function decodeFully(segment: string): string {
  let decoded = segment;
  for (let last = ""; decoded !== last && decoded.includes("%");) {
    last = decoded;
    decoded = decoded.replace(/%[\da-f]{2}/gi, (code) =>
      String.fromCharCode(parseInt(code.slice(1), 16)),
    );
  }
  return decoded;
}

/** Takes credentials out of a query (`?key=…`); what stays is passed on to the letter. */
export function withoutParameters(query: string, names: readonly string[]): string {
  if (query.length < 2 || names.length === 0) return query;
  const kept = query
    .slice(1)
    .split("&")
    .filter((pair) => !names.includes(nameOf(pair)));
  return kept.length > 0 ? `?${kept.join("&")}` : "";
}

function nameOf(pair: string): string {
  const [name = ""] = pair.split("=", 1);
  try {
    return decodeURIComponent(name.replaceAll("+", " ")).toLowerCase();
  } catch {
    return name.toLowerCase();
  }
}
