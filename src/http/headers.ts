// Selects the headers that pass in both directions: towards the upstream by an allow list (N2), towards the client by a deny list (I13).
import type { InboundCall } from "../contract/inbound-call.ts";
import type { HeaderList } from "../contract/sink.ts";
import type { Target } from "../contract/target.ts";
import type { ReplyHeaders } from "../contract/transport.ts";

const USER_AGENT = "h3-relay";
/** Number of leading characters of a secret that are enough to recognise it. */
const QUOTED = 8;

/** Pass in every dialect. None of them identifies the client or carries a permission. */
const COMMON_PASS = ["accept", "content-type", "idempotency-key"];

/** Response headers that concern this hop, this host or this connection, and not the response itself. */
const STOPS_HERE = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length",
  "content-encoding",
  "set-cookie",
  "set-cookie2",
  "location",
  "alt-svc",
  "strict-transport-security",
  "public-key-pins",
  "server",
  "date",
  "via",
  "clear-site-data",
  "nel",
  "report-to",
  "reporting-endpoints",
  "www-authenticate",
  "expect-ct",
  "accept-ranges",
  "refresh",
  "content-security-policy",
  "content-security-policy-report-only",
]);

/**
 * Builds the headers of an upstream call: the client's headers that pass, the operator's own, identity encoding, and the credential last.
 */
export function toOutgoingHeaders(
  call: InboundCall,
  target: Target,
  credential: readonly [string, string],
): Record<string, string> {
  const headers: Record<string, string> = {
    "user-agent": USER_AGENT,
    "accept-encoding": "identity",
  };
  const named = namedIn(call.header("connection"));
  pass(call, COMMON_PASS, headers, named);
  pass(call, target.dialect.passHeaders, headers, named);
  pass(call, target.passHeaders, headers, named);
  for (const name in target.headers) headers[name] = target.headers[name]!;
  headers[credential[0].toLowerCase()] = credential[1];
  return headers;
}

function pass(
  call: InboundCall,
  names: readonly string[],
  headers: Record<string, string>,
  named: readonly string[] | undefined,
): void {
  for (const name of names) {
    const value = call.header(name);
    if (value !== undefined && !named?.includes(name)) headers[name] = value;
  }
}

/** Header names that a `Connection` header restricts to this hop; `undefined` where it has only the usual values. */
function namedIn(connection: string | undefined): string[] | undefined {
  if (connection === undefined || /^(?:keep-alive|close)$/i.test(connection)) return undefined;
  return connection
    .toLowerCase()
    .trim()
    .split(/\s*,\s*/);
}

/**
 * Selects the response headers that pass to the client. `own` are the relay's header names, which an upstream cannot set; a header that
 * contains the `secret` sent with the request, or its beginning, does not pass (J7).
 */
export function toClientHeaders(
  reply: ReplyHeaders,
  own: ReadonlySet<string>,
  secret = "",
): HeaderList {
  const named = namedIn(reply.get("connection"));
  const start = secret.length >= QUOTED ? secret.slice(0, QUOTED) : undefined;
  const headers: HeaderList = [];
  reply.forEach((value, name) => {
    if (
      STOPS_HERE.has(name) ||
      own.has(name) ||
      named?.includes(name) ||
      name.startsWith("access-control-") ||
      (start !== undefined && value.includes(start))
    )
      return;
    headers.push([name, value]);
  });
  return headers;
}

const STREAM_HEADERS = new Set(["content-type", "cache-control", "x-accel-buffering"]);

/** Sets the headers that every event stream needs, so that no proxy buffers or rewrites it. */
export function toStreamHeaders(headers: HeaderList): HeaderList {
  const kept = headers.filter(([name]) => !STREAM_HEADERS.has(name));
  kept.push(
    ["content-type", "text/event-stream"],
    ["cache-control", "no-cache, no-transform"],
    ["x-accel-buffering", "no"],
  );
  return kept;
}

/**
 * Adds the headers that the host has prepared. Where both have the same header, the response's own is used, except for `vary`, which is
 * merged (N8).
 */
export function withPrepared(
  headers: HeaderList,
  prepared: Iterable<[string, string]> | undefined,
): HeaderList {
  const more = prepared ? [...prepared] : [];
  if (more.length === 0) return headers;
  const own = new Set(headers.map(([name]) => name));
  return [...headers, ...more.filter(([name]) => !own.has(name) || name === "vary")];
}
