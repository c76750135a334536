// Every error of the relay: code → status, type and message. docs/errors.md describes the same codes.
import type { ErrorCode, ErrorFacts } from "./error-facts.ts";
import {
  expectedPath,
  forTarget,
  keepBodyUnread,
  limitText,
  retryIn,
  whyLimited,
  whyTimedOut,
  whyUnreachable,
} from "./error-phrases.ts";
import { describeOptionFaults } from "./option-faults.ts";

export interface ErrorSpec {
  /** HTTP status of the response. */
  status: number;
  /** Kind of error that goes into the error object of every dialect. */
  type: string;
  message: (facts: ErrorFacts) => string;
}

type Define = (status: number, message: ErrorSpec["message"]) => ErrorSpec;

function define(type: string): Define {
  return (status, message) => ({ status, type, message });
}

const configuration = define("configuration_error");
const invalid = define("invalid_request_error");
const internal = define("internal_error");
const unavailable = define("service_unavailable");
const limited = define("rate_limit_exceeded");
const timeout = define("timeout_error");
const upstream = define("upstream_error");

export const ERRORS: Record<ErrorCode, ErrorSpec> = {
  ERR_RELAY_OPTIONS: configuration(
    500,
    (f) => `The relay's options are wrong${describeOptionFaults(f)}`,
  ),
  ERR_RELAY_START: configuration(
    500,
    (f) => `The relay could not start: ${f.detail ?? "the server's log has the details."}`,
  ),
  ERR_RELAY_NOT_READY: unavailable(
    503,
    (f) =>
      `The relay has not started: ${f.detail ?? "the function that returns its options is asynchronous; call `await relay.ready()` first"}.`,
  ),
  ERR_RELAY_MODULE: configuration(500, (f) => `\`useRelay()\` found no relay: ${f.detail}.`),
  ERR_RELAY_CLOSED: unavailable(
    503,
    () => "The relay is shutting down and accepts no new requests.",
  ),
  ERR_RELAY_SHUTDOWN: unavailable(
    503,
    () => "The relay shut down before the response was complete.",
  ),
  ERR_RELAY_CREDENTIAL: invalid(
    400,
    (f) => `The credential cannot be added: ${f.path} ${f.detail}.`,
  ),
  ERR_RELAY_CONFIGURED: invalid(
    409,
    (f) =>
      `Credential ${f.detail} is part of the configuration and cannot be added or removed at run time; disable it, or change the configuration.`,
  ),
  ERR_RELAY_STOPPED: define("request_stopped")(
    409,
    () => "The request was stopped before its response was complete.",
  ),
  ERR_RELAY_INTERNAL: internal(
    500,
    () => "An internal error occurred in the relay; the server's log has the details.",
  ),
  ERR_RELAY_PERMISSION: configuration(
    500,
    (f) =>
      `The relay has no permission to call the upstream${forTarget(f)}; the server's log names the missing permission.`,
  ),
  ERR_RELAY_PATH: invalid(400, (f) => `The path cannot be relayed: ${f.detail}.`),
  ERR_RELAY_MOUNT: invalid(
    404,
    (f) => `Nothing is relayed at ${f.detail ?? "this path"}; the relay is mounted on ${f.path}.`,
  ),
  ERR_RELAY_MOUNT_MISSING: configuration(
    500,
    () =>
      'The relay has no mount path and therefore relays no request: set the option `mount`, or give the relay a path in the router of the host (`app.use("/ai/**", relay)`), or call `relay.fetch(request, { mount })`. `mount: "/"` relays every path.',
  ),
  ERR_RELAY_VERSION: invalid(
    404,
    (f) =>
      `Nothing is served at ${f.path}: ${f.detail}.${f.advice ? ` ${f.advice}` : ""}${expectedPath(f)}`,
  ),
  ERR_RELAY_RESERVED: invalid(
    404,
    () => "Paths under `/_relay` are reserved for the relay; nothing is served at this one.",
  ),
  ERR_RELAY_CROSS_SITE: define("permission_error")(
    403,
    (f) =>
      `The request comes from ${f.detail ?? "a page of another site"}, and the relay's option \`cors\` does not allow that site.`,
  ),
  ERR_RELAY_OPERATION: define("permission_error")(
    403,
    (f) =>
      `${f.path ?? "The operation"} is not allowed here: ${f.detail ?? "the relay's option `upstream.allow` does not name it"}.${f.advice ? ` ${f.advice}` : ""}`,
  ),
  ERR_RELAY_METHOD: invalid(
    405,
    (f) =>
      `The method ${f.detail} is not supported${f.path ? ` at ${f.path}` : ""}.${f.advice ? ` ${f.advice}` : ""}`,
  ),
  ERR_RELAY_HEADERS: invalid(
    431,
    (f) => `The request has more than ${f.limit} headers (\`limits.headerCount\`).`,
  ),
  ERR_RELAY_BODY_SIZE: invalid(413, (f) =>
    f.limit === undefined
      ? "The request body is larger than the server in front of the relay allows; raise that server's limit."
      : `The request body is larger than ${f.limit} bytes (${f.detail ?? "`limits.bodySize`"}).`,
  ),
  ERR_RELAY_BODY_ENCODING: invalid(
    415,
    (f) =>
      `The content-encoding ${f.detail} of the request body is not supported; send the body unencoded.`,
  ),
  ERR_RELAY_BODY_JSON: invalid(
    400,
    () => "The request body is declared as JSON but is not valid JSON.",
  ),
  ERR_RELAY_BODY_INCOMPLETE: invalid(
    400,
    (f) =>
      `The request body ended after ${f.detail} that its header \`content-length\` declares; send the whole body, and let no middleware change a body without its length.`,
  ),
  ERR_RELAY_BODY_TIMEOUT: invalid(
    408,
    (f) => `The request body did not arrive within ${limitText(f)} (\`limits.bodyTimeout\`).`,
  ),
  ERR_RELAY_BODY_USED: internal(
    500,
    (f) => `The request body was read before it reached the relay: ${keepBodyUnread(f)}.`,
  ),
  ERR_RELAY_MODEL_MISSING: invalid(
    400,
    (f) =>
      `The request names no model, and ${f.detail ?? "this endpoint needs one"}${f.advice ? `: ${f.advice}` : ""}.`,
  ),
  ERR_RELAY_MODEL_NAME: invalid(400, (f) => `The model name is longer than ${f.limit} characters.`),
  ERR_RELAY_MODEL_TWICE: invalid(
    400,
    () =>
      "The request body names its model more than once, or in another spelling (`Model`), and models have rules here; send one field `model`.",
  ),
  ERR_RELAY_MODEL_UNKNOWN: invalid(
    400,
    (f) =>
      `The model ${f.model} is not listed in the relay's option \`models\`, which is needed to choose between several upstreams.`,
  ),
  ERR_RELAY_POOL_UNKNOWN: invalid(
    400,
    (f) =>
      `The header x-relay-pool names an unknown quota pool${forTarget(f)}; available: ${f.expected}.`,
  ),
  ERR_RELAY_UNAUTHORIZED: define("authentication_error")(
    401,
    () => "Not authorized: the relay's `authorize` function rejected the request.",
  ),
  ERR_RELAY_AUTHORIZE: internal(
    500,
    () => "The `authorize` function failed; the server's log has the details.",
  ),
  ERR_RELAY_CALLER_BUSY: limited(
    429,
    (f) =>
      `Too many concurrent requests: the limit is ${f.limit} for ${f.detail ?? "this caller"}; retry when a request has ended.`,
  ),
  ERR_RELAY_CALLER_BUFFER: limited(
    429,
    (f) =>
      `The request bodies of this caller that are held at a time exceed ${f.limit} bytes (a quarter of \`limits.bufferedBytes\`)${retryIn(f)}.`,
  ),
  ERR_RELAY_BUFFER_FULL: unavailable(
    503,
    (f) =>
      `The request bodies that are held at a time exceed ${f.limit} bytes (\`limits.bufferedBytes\`)${retryIn(f)}.`,
  ),
  ERR_RELAY_QUEUE_FULL: unavailable(
    503,
    (f) =>
      `The queue is full: ${f.limit} requests are already waiting for a credential (\`limits.queue\`).`,
  ),
  ERR_RELAY_PENDING_FULL: unavailable(
    503,
    (f) =>
      `Too many calls wait for an answer: ${f.limit} calls to the upstream ${f.upstream} have no answer yet (\`limits.maxPending\`)${retryIn(f)}.`,
  ),
  ERR_RELAY_NO_CREDENTIAL: unavailable(
    503,
    (f) =>
      `No credential is available${forTarget(f)}: ${f.detail ?? "the upstream refused every credential that was tried"}${retryIn(f)}.`,
  ),
  ERR_RELAY_TOKEN: unavailable(
    503,
    (f) => `No credential has an access token${forTarget(f)} (${f.detail})${retryIn(f)}.`,
  ),
  ERR_RELAY_LIMITED: limited(429, (f) => `${whyLimited(f)}${retryIn(f)}.`),
  ERR_RELAY_PROTECTED: define("quota_protected")(
    429,
    (f) =>
      `Quota protection: every credential is below \`scheduling.protect.below\`${forTarget(f)}${retryIn(f)}.`,
  ),
  ERR_RELAY_CAPACITY: define("overloaded_error")(
    503,
    (f) => `The upstream has no capacity${forTarget(f)}${retryIn(f) || "; retry later"}.`,
  ),
  ERR_RELAY_DEADLINE: timeout(
    504,
    (f) => `The request was not answered within its deadline of ${limitText(f)}.`,
  ),
  ERR_RELAY_MODEL_NOT_FOUND: define("not_found_error")(
    404,
    (f) =>
      `No credential has access to ${f.model ? `model ${f.model}` : "the requested resource"}.`,
  ),
  ERR_RELAY_UPSTREAM_TIMEOUT: timeout(504, (f) => `The upstream ${whyTimedOut(f)}${forTarget(f)}.`),
  ERR_RELAY_UPSTREAM_DOWN: unavailable(
    503,
    (f) => `Circuit open: the upstream ${f.upstream} failed several times in a row${retryIn(f)}.`,
  ),
  ERR_RELAY_UPSTREAM_SILENT: unavailable(
    503,
    (f) =>
      `The upstream ${f.upstream} answers none of the streams that wait for it; until it answers one, it gets one request at a time${retryIn(f)}.`,
  ),
  ERR_RELAY_UPSTREAM_UNREACHABLE: upstream(502, (f) => `${whyUnreachable(f)}${forTarget(f)}.`),
  ERR_RELAY_UPSTREAM_CLOSED: upstream(
    502,
    (f) => `The upstream closed the connection before it answered${forTarget(f)}.`,
  ),
  ERR_RELAY_UPSTREAM_INVALID: upstream(
    502,
    (f) =>
      `The upstream's response is not valid HTTP, or does not match its own headers${forTarget(f)}.`,
  ),
  ERR_RELAY_UPSTREAM_REDIRECT: upstream(
    502,
    (f) =>
      `The upstream answered with a redirect${forTarget(f)}; redirects are not followed, because they would carry the credential along.`,
  ),
  ERR_RELAY_UPSTREAM_EMPTY: upstream(
    502,
    (f) => `The upstream's response was empty${forTarget(f)}.`,
  ),
  ERR_RELAY_UPSTREAM_FAILED: upstream(
    502,
    (f) =>
      `The upstream failed${forTarget(f)}${f.upstreamStatus ? ` with status ${f.upstreamStatus}` : ""}.`,
  ),
  ERR_RELAY_UPSTREAM_REFUSED: upstream(
    502,
    (f) => `The upstream refused the relay's credentials${forTarget(f)}.`,
  ),
  ERR_RELAY_UPSTREAM_REJECTED: invalid(
    400,
    (f) => `The upstream rejected the request${forTarget(f)}.`,
  ),
  ERR_RELAY_TRUNCATED: upstream(
    502,
    (f) => `The upstream closed the connection in the middle of its response${forTarget(f)}.`,
  ),
  ERR_RELAY_IDLE: timeout(
    504,
    (f) =>
      `The upstream sent no data for ${limitText(f)} in the middle of its response${forTarget(f)}.`,
  ),
  ERR_RELAY_NO_PAYLOAD: timeout(
    504,
    (f) =>
      `The upstream sent no payload for ${limitText(f)} in the middle of its response${forTarget(f)}, only comments, pings or white space.`,
  ),
  ERR_RELAY_CLIENT_GONE: define("client_closed_request")(
    499,
    () => "The client closed the connection before the response was complete.",
  ),
};
