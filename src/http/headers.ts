// Which headers pass, in both directions. Towards the upstream by an allow-list (N2), towards the client by a list of what stops here (I13).
import type { InboundCall } from "../contract/inbound-call.ts";
import type { HeaderList } from "../contract/sink.ts";
import type { Target } from "../contract/target.ts";
import type { ReplyHeaders } from "../contract/transport.ts";

const USER_AGENT = "h3-relay";
/** So much of a secret's beginning betrays it. */
const QUOTED = 8;

/** Passes in every dialect. Nothing here identifies the client or carries a right. */
const COMMON_PASS = ["accept", "content-type", "idempotency-key"];

/** Headers of an answer that mean this hop, this host or this connection, and not the answer. */
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

/** Builds the headers of an upstream call: what passes from the client, the operator's own, identity encoding, the credential last. */
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

/** Names that a `Connection` header keeps to this hop; `undefined` where it says nothing but the usual. */
function namedIn(connection: string | undefined): string[] | undefined {
  if (connection === undefined || /^(?:keep-alive|close)$/i.test(connection)) return undefined;
  return connection
    .toLowerCase()
    .trim()
    .split(/\s*,\s*/);
}

/**
 * Picks what may pass of an answer's headers. `own` are the relay's header names, which an upstream cannot set;
 * a header that quotes the `secret` sent with the request, or its beginning, stops here (J7).
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

/** Sets what every event stream must carry, so that no proxy holds it back or rewrites it. */
export function toStreamHeaders(headers: HeaderList): HeaderList {
  const kept = headers.filter(([name]) => !STREAM_HEADERS.has(name));
  kept.push(
    ["content-type", "text/event-stream"],
    ["cache-control", "no-cache, no-transform"],
    ["x-accel-buffering", "no"],
  );
  return kept;
}

/** Adds what the host prepared. Where both speak of one header the answer's own stands, but for `vary`, which adds up (N8). */
export function withPrepared(
  headers: HeaderList,
  prepared: Iterable<[string, string]> | undefined,
): HeaderList {
  const more = prepared ? [...prepared] : [];
  if (more.length === 0) return headers;
  const own = new Set(headers.map(([name]) => name));
  return [...headers, ...more.filter(([name]) => !own.has(name) || name === "vary")];
}
