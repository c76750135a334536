// Selects the headers that pass in both directions: towards the upstream by an allow list (N2), towards the client by the rules of the upstream (N11).
import type { InboundCall } from "../contract/inbound-call.ts";
import type { HeaderList } from "../contract/sink.ts";
import type { ResponseFieldRules, Target } from "../contract/target.ts";
import type { ReplyHeaders } from "../contract/transport.ts";
import type { SentSecrets } from "../observe/sent-secrets.ts";
import { isPageType } from "../shared/content-types.ts";

const USER_AGENT = "h3-relay";
/** Pass in every dialect. None of them identifies the client or carries a permission. */
const COMMON_PASS = ["accept", "content-type", "idempotency-key"];

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

/** A header name that could be a key: almost none has a digit. */
const NUMBERED = /\d/;
/** A page's script gets no origin: it cannot read the app's cookies or call its APIs. */
const SANDBOX: [string, string] = ["content-security-policy", "sandbox"];
const NO_SNIFFING: [string, string] = ["x-content-type-options", "nosniff"];
const PRIVATE_CACHE = "private, no-store";

/**
 * Selects the response headers that pass to the client, by the rules of the upstream (N11). `own` are the relay's header names, which an
 * upstream cannot set; a header that shows a secret that was `sent` with the request does not pass (J7).
 */
export function toClientHeaders(
  reply: ReplyHeaders,
  rules: ResponseFieldRules,
  own: ReadonlySet<string>,
  sent?: Pick<SentSecrets, "shows">,
): HeaderList {
  const named = namedIn(reply.get("connection"));
  const headers: HeaderList = [];
  let type: string | undefined;
  reply.forEach((value, name) => {
    if (
      rules.stops(name) ||
      own.has(name) ||
      named?.includes(name) ||
      (sent && (sent.shows(value) || (NUMBERED.test(name) && sent.shows(name))))
    )
      return;
    if (name === "content-type") type = value;
    headers.push([name, value]);
  });
  headers.push(NO_SNIFFING);
  if (isPageType(type)) headers.push(SANDBOX);
  if (rules.isPrivate) headers.push(["cache-control", toPrivate(reply.get("cache-control"))]);
  return headers;
}

/** What an upstream says about caches, where it already keeps the answer from shared ones. */
function toPrivate(value: string | undefined): string {
  if (value === undefined) return PRIVATE_CACHE;
  const directives = value.toLowerCase().split(/\s*,\s*/);
  const isPrivate = directives.includes("private") || directives.includes("no-store");
  const isShared = directives.some((one) => /^(?:public|s-maxage|immutable)\b/.test(one.trim()));
  return isPrivate && !isShared ? value : PRIVATE_CACHE;
}

/** Headers of a connection, in a response. HTTP/2 does not allow them (RFC 9113, section 8.2.2): Node throws, or drops them with a warning. */
export const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "te",
]);

const STREAM_HEADERS = new Set([
  "content-type",
  "cache-control",
  "x-accel-buffering",
  "x-content-type-options",
  "content-security-policy",
]);

/** Sets the headers that every event stream needs, so that no proxy buffers or rewrites it. */
export function toStreamHeaders(headers: HeaderList, isPrivate: boolean): HeaderList {
  const kept = headers.filter(([name]) => !STREAM_HEADERS.has(name));
  kept.push(
    ["content-type", "text/event-stream"],
    ["cache-control", isPrivate ? "private, no-cache, no-transform" : "no-cache, no-transform"],
    ["x-accel-buffering", "no"],
    NO_SNIFFING,
  );
  return kept;
}

/**
 * Adds the headers that the host has prepared. Where both have the same header, the response's own is used, except for `vary`, which is
 * merged (N8), and `content-security-policy`, of which both apply (N11).
 */
export function withPrepared(
  headers: HeaderList,
  prepared: Iterable<[string, string]> | undefined,
): HeaderList {
  const more = prepared ? [...prepared] : [];
  if (more.length === 0) return headers;
  const own = new Set(headers.map(([name]) => name));
  const added = more.filter(([name]) => !own.has(name) || name === "vary");
  return [...headers.map((one) => (one === SANDBOX ? withPolicies(one, more) : one)), ...added];
}

// In one line: several policies in one header all apply, and Node 20 may keep only one of two headers.
function withPolicies([name, policy]: [string, string], prepared: HeaderList): [string, string] {
  const policies = prepared.filter(([one]) => one === name).map(([, value]) => value);
  return [name, [policy, ...policies].join(", ")];
}
