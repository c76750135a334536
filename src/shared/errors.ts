// Every error of the relay: its code, its status, its words. No message stands anywhere else.
import type { AttemptFault } from "../contract/transport.ts";
import { toDurationText, toRetryText } from "./times.ts";

/** Facts that a message may name. Never a secret, never an upstream's address. */
export interface ErrorFacts {
  upstream?: string;
  model?: string;
  path?: string;
  expected?: string;
  /** What was exceeded, in the unit of its code: ms for times, bytes for sizes, else a count. */
  limit?: number;
  /** Seconds until a retry makes sense. */
  retryAfter?: number;
  /** Number of upstream calls that were made. */
  attempts?: number;
  detail?: string;
  /** What to do, in whole sentences. */
  advice?: string;
  /** Where the request could have gone, and why it did not. */
  tried?: TriedTarget[];
  /** HTTP status of the upstream's answer. */
  upstreamStatus?: number;
  /** Why the upstream's answer did not come. */
  fault?: AttemptFault;
  /** What is wrong with the options, the first 20 faults. */
  faults?: readonly OptionFault[];
  /** Number of faults; the search stops at 1,000. */
  faultCount?: number;
}

/** What is wrong with one option. */
export interface OptionFault {
  /** `credentials[2].tier` */
  path: string;
  /** Id of the credential that the option belongs to. */
  credential?: string;
  /** What is wrong and what to do: `must be one of free, pro; did you mean "pro"?` Never the value. */
  detail: string;
}

/** One place a request could have gone, for the error object. */
export interface TriedTarget {
  model: string;
  pool: string;
  reason: string;
  /** Seconds until it may be tried; `retry_after` in the answer's error object. */
  retryAfter?: number;
}

/** One code for each way to fail. */
export type ErrorCode =
  | "ERR_RELAY_OPTIONS"
  | "ERR_RELAY_START"
  | "ERR_RELAY_NOT_READY"
  | "ERR_RELAY_MODULE"
  | "ERR_RELAY_CLOSED"
  | "ERR_RELAY_SHUTDOWN"
  | "ERR_RELAY_STOPPED"
  | "ERR_RELAY_CREDENTIAL"
  | "ERR_RELAY_CONFIGURED"
  | "ERR_RELAY_INTERNAL"
  | "ERR_RELAY_PERMISSION"
  | "ERR_RELAY_PATH"
  | "ERR_RELAY_MOUNT"
  | "ERR_RELAY_MOUNT_MISSING"
  | "ERR_RELAY_VERSION"
  | "ERR_RELAY_RESERVED"
  | "ERR_RELAY_METHOD"
  | "ERR_RELAY_HEADERS"
  | "ERR_RELAY_BODY_SIZE"
  | "ERR_RELAY_BODY_ENCODING"
  | "ERR_RELAY_BODY_JSON"
  | "ERR_RELAY_BODY_TIMEOUT"
  | "ERR_RELAY_BODY_USED"
  | "ERR_RELAY_MODEL_MISSING"
  | "ERR_RELAY_MODEL_NAME"
  | "ERR_RELAY_MODEL_UNKNOWN"
  | "ERR_RELAY_POOL_UNKNOWN"
  | "ERR_RELAY_UNAUTHORIZED"
  | "ERR_RELAY_AUTHORIZE"
  | "ERR_RELAY_CALLER_BUSY"
  | "ERR_RELAY_QUEUE_FULL"
  | "ERR_RELAY_NO_CREDENTIAL"
  | "ERR_RELAY_TOKEN"
  | "ERR_RELAY_LIMITED"
  | "ERR_RELAY_PROTECTED"
  | "ERR_RELAY_CAPACITY"
  | "ERR_RELAY_DEADLINE"
  | "ERR_RELAY_MODEL_NOT_FOUND"
  | "ERR_RELAY_UPSTREAM_TIMEOUT"
  | "ERR_RELAY_UPSTREAM_DOWN"
  | "ERR_RELAY_UPSTREAM_UNREACHABLE"
  | "ERR_RELAY_UPSTREAM_CLOSED"
  | "ERR_RELAY_UPSTREAM_INVALID"
  | "ERR_RELAY_UPSTREAM_REDIRECT"
  | "ERR_RELAY_UPSTREAM_EMPTY"
  | "ERR_RELAY_UPSTREAM_FAILED"
  | "ERR_RELAY_UPSTREAM_REFUSED"
  | "ERR_RELAY_UPSTREAM_REJECTED"
  | "ERR_RELAY_TRUNCATED"
  | "ERR_RELAY_IDLE"
  | "ERR_RELAY_CLIENT_GONE";

export interface ErrorSpec {
  status: number;
  /** Dialect-neutral kind that goes into the error object. */
  type: string;
  message: (facts: ErrorFacts) => string;
}

const invalid = "invalid_request_error";
const upstream = "upstream_error";
const unavailable = "service_unavailable";

const of = (facts: ErrorFacts): string =>
  [facts.model && ` for model ${facts.model}`, facts.upstream && ` on upstream ${facts.upstream}`]
    .filter(Boolean)
    .join("");

const retry = ({ retryAfter }: ErrorFacts): string => {
  if (retryAfter === undefined) return "";
  return retryAfter > 0 ? `; retry in ${toRetryText(retryAfter)}` : "; retry now";
};
/** Where a request with the right path goes. */
const goesTo = ({ advice, expected }: ErrorFacts): string => {
  if (expected === undefined) return "";
  return advice ? ` Then the request goes to ${expected}.` : ` Did you mean ${expected}?`;
};
const within = ({ limit }: ErrorFacts): string => toDurationText(limit ?? 0);
/** Faults of options that are looked for at most. */
export const FAULTS_COUNTED = 1_000;

// One fault stands in the line itself, several have a line each, and a large pool does not fill the log.
function faultsOf({ path, detail, faults, faultCount = 1 }: ErrorFacts): string {
  if (!faults || faultCount === 1)
    return `: ${lineOf(faults?.[0] ?? { path: path ?? "options", detail: detail ?? "" })}`;
  const lines = faults.map((fault) => `\n  ${lineOf(fault)}`).join("");
  const more = faultCount - faults.length;
  const count = faultCount < FAULTS_COUNTED ? `${faultCount}` : `${faultCount} or more`;
  return ` in ${count} places:${lines}${more > 0 ? `\n  and ${more} more` : ""}`;
}

function lineOf({ path, credential, detail }: OptionFault): string {
  const named =
    credential === undefined ? path : path.replace(/^credentials\[\d+\]/, `$& (${credential})`);
  return `${named}: ${detail}`;
}

/** What kept a connection from being made, in words that name no host. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  dns: "The upstream's host name could not be resolved",
  refused: "The upstream refused the connection",
  unreachable: "The upstream's host could not be reached",
  certificate: "The upstream's TLS certificate was not accepted",
  tls: "The TLS handshake with the upstream failed",
  denied: "The relay's process is not allowed to connect to the upstream",
  connect: "The relay could not open a connection to the upstream",
};

/** Who may have read a body, and what helps, by the kind of host. */
const BODY_READ: Readonly<Record<string, string>> = {
  express: "mount the relay before `express.json()` and every other body parser",
  node: "mount the relay before the body parser (Express: `express.json()`; Fastify: its content type parsers; h3: `readBody`)",
  web: "pass an unread request; code that runs before the relay, `authorize` included, must read `request.clone()`",
};

/** What keeps all credentials from a request where that passes by itself. */
const LIMITED: Readonly<Record<string, string>> = {
  busy: "All credentials are at their concurrency limit (`maxInFlight`)",
  acquiring: "An anonymous token is being created",
  trial: "All credentials are being probed after a cooldown",
};

const TIMED_OUT: Readonly<Record<string, (limit: string) => string>> = {
  "connect-timeout": (limit) => `did not accept a connection within ${limit}`,
  timeout: (limit) => `did not begin to answer within ${limit}`,
  "idle-timeout": (limit) => `fell silent for ${limit} before its answer began`,
};

/** Code → status, type and message. The README's table of errors is made from this one. */
export const ERRORS: Record<ErrorCode, ErrorSpec> = {
  ERR_RELAY_OPTIONS: {
    status: 500,
    type: "configuration_error",
    message: (f) => `The relay's options are wrong${faultsOf(f)}`,
  },
  ERR_RELAY_START: {
    status: 500,
    type: "configuration_error",
    message: (f) => `The relay could not start: ${f.detail ?? "the server's log says why."}`,
  },
  ERR_RELAY_NOT_READY: {
    status: 503,
    type: unavailable,
    message: (f) =>
      `The relay has not started: ${f.detail ?? "the function that gives its options is asynchronous; call `await relay.ready()` first"}.`,
  },
  ERR_RELAY_MODULE: {
    status: 500,
    type: "configuration_error",
    message: (f) => `\`useRelay()\` found no relay: ${f.detail}.`,
  },
  ERR_RELAY_CLOSED: {
    status: 503,
    type: unavailable,
    message: () => "The relay is shutting down and takes no new requests.",
  },
  ERR_RELAY_SHUTDOWN: {
    status: 503,
    type: unavailable,
    message: () => "The relay was shut down before the answer was whole.",
  },
  ERR_RELAY_CREDENTIAL: {
    status: 400,
    type: invalid,
    message: (f) => `The credential cannot be added: ${f.path} ${f.detail}.`,
  },
  ERR_RELAY_CONFIGURED: {
    status: 409,
    type: invalid,
    message: (f) =>
      `The credential ${f.detail} is part of the configuration: it can be disabled, not added or removed.`,
  },
  ERR_RELAY_STOPPED: {
    status: 409,
    type: "request_stopped",
    message: () => "The request was stopped before its answer was whole.",
  },
  ERR_RELAY_INTERNAL: {
    status: 500,
    type: "internal_error",
    message: () => "The relay failed on its own; the server's log says more.",
  },
  ERR_RELAY_PERMISSION: {
    status: 500,
    type: "configuration_error",
    message: (f) =>
      `The relay has no permission to call the upstream${of(f)}; the server's log names the missing permission.`,
  },
  ERR_RELAY_PATH: {
    status: 400,
    type: invalid,
    message: (f) => `The path cannot be relayed: ${f.detail}.`,
  },
  ERR_RELAY_MOUNT: {
    status: 404,
    type: invalid,
    message: (f) =>
      `Nothing is relayed at ${f.detail ?? "this path"}; the relay is mounted on ${f.path}.`,
  },
  ERR_RELAY_MOUNT_MISSING: {
    status: 500,
    type: "configuration_error",
    message: () =>
      'The relay does not know its mount path, so that no path is relayed: set the option `mount`, or give the relay a path in the router of the host (`app.use("/ai/**", relay)`), or call `relay.fetch(request, { mount })`. `mount: "/"` relays every path.',
  },
  ERR_RELAY_VERSION: {
    status: 404,
    type: invalid,
    message: (f) =>
      `Nothing is served at ${f.path}: ${f.detail}.${f.advice ? ` ${f.advice}` : ""}${goesTo(f)}`,
  },
  ERR_RELAY_RESERVED: {
    status: 404,
    type: invalid,
    message: () => "Nothing is served under this reserved path.",
  },
  ERR_RELAY_METHOD: {
    status: 405,
    type: invalid,
    message: (f) =>
      `The method ${f.detail} is not served${f.path ? ` at ${f.path}` : ""}.${f.advice ? ` ${f.advice}` : ""}`,
  },
  ERR_RELAY_HEADERS: {
    status: 431,
    type: invalid,
    message: (f) => `The request has more than ${f.limit} headers (\`limits.headerCount\`).`,
  },
  ERR_RELAY_BODY_SIZE: {
    status: 413,
    type: invalid,
    message: (f) =>
      f.limit === undefined
        ? "The request body is larger than the server in front of the relay allows; raise that server's limit."
        : `The request body is larger than ${f.limit} bytes (\`limits.bodySize\`).`,
  },
  ERR_RELAY_BODY_ENCODING: {
    status: 415,
    type: invalid,
    message: (f) =>
      `The request body's content-encoding ${f.detail} is not understood; send it unencoded.`,
  },
  ERR_RELAY_BODY_JSON: {
    status: 400,
    type: invalid,
    message: () => "The request body is declared as JSON but is not valid JSON.",
  },
  ERR_RELAY_BODY_TIMEOUT: {
    status: 408,
    type: invalid,
    message: (f) => `The request body did not arrive within ${within(f)} (\`limits.bodyTimeout\`).`,
  },
  ERR_RELAY_BODY_USED: {
    status: 500,
    type: "internal_error",
    message: (f) =>
      `The request body was read before it reached the relay: ${BODY_READ[f.detail ?? ""] ?? BODY_READ["web"]}.`,
  },
  ERR_RELAY_MODEL_MISSING: {
    status: 400,
    type: invalid,
    message: (f) =>
      `The request names no model, and ${f.detail ?? "this endpoint needs one"}${f.advice ? `: ${f.advice}` : ""}.`,
  },
  ERR_RELAY_MODEL_NAME: {
    status: 400,
    type: invalid,
    message: (f) => `The model's name is longer than ${f.limit} characters.`,
  },
  ERR_RELAY_MODEL_UNKNOWN: {
    status: 400,
    type: invalid,
    message: (f) =>
      `The model ${f.model} is not listed in the relay's option \`models\`, and there are several upstreams it could mean.`,
  },
  ERR_RELAY_POOL_UNKNOWN: {
    status: 400,
    type: invalid,
    message: (f) => `The header x-relay-pool names no quota pool${of(f)}; there is ${f.expected}.`,
  },
  ERR_RELAY_UNAUTHORIZED: {
    status: 401,
    type: "authentication_error",
    message: () =>
      "The relay did not accept the caller: its `authorize` function refused the request.",
  },
  ERR_RELAY_AUTHORIZE: {
    status: 500,
    type: "internal_error",
    message: () => "The `authorize` function failed; the server's log says how.",
  },
  ERR_RELAY_CALLER_BUSY: {
    status: 429,
    type: "rate_limit_exceeded",
    message: (f) =>
      `Too many concurrent requests: ${f.limit} of ${f.detail ?? "this caller"} are in progress; retry when one of them has ended.`,
  },
  ERR_RELAY_QUEUE_FULL: {
    status: 503,
    type: unavailable,
    message: (f) =>
      `The queue is full: ${f.limit} requests are waiting for a credential already (\`limits.queue\`).`,
  },
  ERR_RELAY_NO_CREDENTIAL: {
    status: 503,
    type: unavailable,
    message: (f) =>
      `No credential is available${of(f)}: ${f.detail ?? "the upstream refused those that were tried"}.`,
  },
  ERR_RELAY_TOKEN: {
    status: 503,
    type: unavailable,
    message: (f) => `No credential has a token${of(f)} (${f.detail})${retry(f)}.`,
  },
  ERR_RELAY_LIMITED: {
    status: 429,
    type: "rate_limit_exceeded",
    message: (f) =>
      `${LIMITED[f.detail ?? ""] ?? "All credentials are limited"}${of(f)}${f.detail && !LIMITED[f.detail] ? `: ${f.detail}` : ""}${retry(f)}.`,
  },
  ERR_RELAY_PROTECTED: {
    status: 429,
    type: "quota_protected",
    message: (f) =>
      `Quota protection: every credential is below \`scheduling.protect.below\`${of(f)}; the upstream refused nothing${retry(f)}.`,
  },
  ERR_RELAY_CAPACITY: {
    status: 503,
    type: "overloaded_error",
    message: (f) => `The upstream has no capacity${of(f)}${retry(f) || "; retry later"}.`,
  },
  ERR_RELAY_DEADLINE: {
    status: 504,
    type: "timeout_error",
    message: (f) => `The request was not answered within its deadline of ${within(f)}.`,
  },
  ERR_RELAY_MODEL_NOT_FOUND: {
    status: 404,
    type: "not_found_error",
    message: (f) =>
      `No credential has access to ${f.model ? `model ${f.model}` : "what was asked for"}.`,
  },
  ERR_RELAY_UPSTREAM_TIMEOUT: {
    status: 504,
    type: "timeout_error",
    message: (f) =>
      `The upstream ${TIMED_OUT[f.fault ?? ""]?.(within(f)) ?? "did not answer in time"}${of(f)}.`,
  },
  ERR_RELAY_UPSTREAM_DOWN: {
    status: 503,
    type: unavailable,
    message: (f) =>
      `Circuit open: the upstream ${f.upstream} failed several times in a row${retry(f)}.`,
  },
  ERR_RELAY_UPSTREAM_UNREACHABLE: {
    status: 502,
    type: upstream,
    message: (f) => `${UNREACHABLE[f.fault ?? ""] ?? "The upstream could not be reached"}${of(f)}.`,
  },
  ERR_RELAY_UPSTREAM_CLOSED: {
    status: 502,
    type: upstream,
    message: (f) => `The upstream closed the connection before it answered${of(f)}.`,
  },
  ERR_RELAY_UPSTREAM_INVALID: {
    status: 502,
    type: upstream,
    message: (f) => `The upstream's answer is not valid HTTP, or not what its headers say${of(f)}.`,
  },
  ERR_RELAY_UPSTREAM_REDIRECT: {
    status: 502,
    type: upstream,
    message: (f) =>
      `The upstream answered with a redirect, which is not followed with credentials${of(f)}.`,
  },
  ERR_RELAY_UPSTREAM_EMPTY: {
    status: 502,
    type: upstream,
    message: (f) => `The upstream's answer was empty${of(f)}.`,
  },
  ERR_RELAY_UPSTREAM_FAILED: {
    status: 502,
    type: upstream,
    message: (f) =>
      `The upstream failed${of(f)}${f.upstreamStatus ? ` with status ${f.upstreamStatus}` : ""}.`,
  },
  ERR_RELAY_UPSTREAM_REFUSED: {
    status: 502,
    type: upstream,
    message: (f) => `The upstream refused the relay's credentials${of(f)}.`,
  },
  ERR_RELAY_UPSTREAM_REJECTED: {
    status: 400,
    type: invalid,
    message: (f) => `The upstream rejected the request${of(f)}.`,
  },
  ERR_RELAY_TRUNCATED: {
    status: 502,
    type: upstream,
    message: (f) => `The upstream broke off in the middle of its answer${of(f)}.`,
  },
  ERR_RELAY_IDLE: {
    status: 504,
    type: "timeout_error",
    message: (f) =>
      `The upstream fell silent for ${within(f)} in the middle of its answer${of(f)}.`,
  },
  ERR_RELAY_CLIENT_GONE: {
    status: 499,
    type: "client_closed_request",
    message: () => "The client went away before the answer.",
  },
};

export interface RelayErrorOptions extends ErrorFacts {
  cause?: unknown;
  /** Replaces the code's own status, where the upstream's real one says more. */
  status?: number;
}

/** Carries a failure: `code` to tell it by, `status` for HTTP, `facts` for the answer's error object. */
export class RelayError extends Error {
  override readonly name = "RelayError";
  readonly code: ErrorCode;
  readonly status: number;
  readonly type: string;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, options: RelayErrorOptions = {}) {
    const { cause, status, ...facts } = options;
    const spec = ERRORS[code];
    super(spec.message(facts), cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status ?? spec.status;
    this.type = spec.type;
    this.facts = facts;
  }
}
