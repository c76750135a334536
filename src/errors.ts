// Every error of the relay: its code, its status, its words. No message stands anywhere else.

/** Facts that a message may name. Never a secret, never an upstream's address. */
export interface ErrorFacts {
  upstream?: string;
  model?: string;
  path?: string;
  expected?: string;
  limit?: number;
  /** Seconds until trying again makes sense. */
  retryAfter?: number;
  attempts?: number;
  detail?: string;
  /** Where the request could have gone, and why it did not. */
  tried?: TriedTarget[];
  /** Status that the upstream itself gave. */
  upstreamStatus?: number;
}

/** One place a request could have gone, for the error object. */
export interface TriedTarget {
  model: string;
  pool: string;
  reason: string;
  /** Seconds. */
  retry_after?: number;
}

/** One code for each way to fail. */
export type ErrorCode =
  | "ERR_RELAY_OPTIONS"
  | "ERR_RELAY_START"
  | "ERR_RELAY_NOT_READY"
  | "ERR_RELAY_CLOSED"
  | "ERR_RELAY_SHUTDOWN"
  | "ERR_RELAY_STOPPED"
  | "ERR_RELAY_CREDENTIAL"
  | "ERR_RELAY_CONFIGURED"
  | "ERR_RELAY_INTERNAL"
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

/** Code → status, type and message. The README's table of errors is made from this one. */
export const ERRORS: Record<ErrorCode, ErrorSpec> = {
  ERR_RELAY_OPTIONS: {
    status: 500,
    type: "configuration_error",
    message: (f) => `The relay's options are wrong: ${f.path ? `${f.path}: ` : ""}${f.detail}`,
  },
  ERR_RELAY_START: {
    status: 500,
    type: "configuration_error",
    message: (f) =>
      `The relay could not start: ${f.detail ?? "its options are wrong; the server's log names the fault."}`,
  },
  ERR_RELAY_NOT_READY: {
    status: 503,
    type: unavailable,
    message: (f) =>
      `The relay has not started: ${f.detail ?? "the function that gives its options is asynchronous; call `await relay.ready()` first"}.`,
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
  ERR_RELAY_PATH: {
    status: 400,
    type: invalid,
    message: (f) => `The path cannot be relayed: ${f.detail}.`,
  },
  ERR_RELAY_MOUNT: {
    status: 404,
    type: invalid,
    message: (f) => `Nothing is relayed at this path; the relay is mounted on ${f.path}.`,
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
    message: (f) => `Nothing is served at ${f.path}; did you mean ${f.expected}?`,
  },
  ERR_RELAY_RESERVED: {
    status: 404,
    type: invalid,
    message: () => "Nothing is served under this reserved path.",
  },
  ERR_RELAY_METHOD: {
    status: 405,
    type: invalid,
    message: (f) => `The method ${f.detail} is not served${f.path ? ` at ${f.path}` : ""}.`,
  },
  ERR_RELAY_HEADERS: {
    status: 431,
    type: invalid,
    message: (f) => `The request has more than ${f.limit} headers.`,
  },
  ERR_RELAY_BODY_SIZE: {
    status: 413,
    type: invalid,
    message: (f) =>
      f.limit === undefined
        ? "The request body is larger than the server in front of the relay allows; raise that server's limit."
        : `The request body is larger than ${f.limit} bytes.`,
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
    message: (f) => `The request body did not arrive within ${f.limit} ms.`,
  },
  ERR_RELAY_BODY_USED: {
    status: 500,
    type: "internal_error",
    message: () =>
      "The request's body was read before it came to the relay; whoever wants to look at it must read a clone.",
  },
  ERR_RELAY_MODEL_MISSING: {
    status: 400,
    type: invalid,
    message: (f) => `The request names no model, and ${f.detail ?? "this endpoint needs one"}.`,
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
      `The model ${f.model} is not configured, and there are several upstreams it could mean.`,
  },
  ERR_RELAY_POOL_UNKNOWN: {
    status: 400,
    type: invalid,
    message: (f) => `The header x-relay-pool names no quota pool${of(f)}; there is ${f.expected}.`,
  },
  ERR_RELAY_UNAUTHORIZED: {
    status: 401,
    type: "authentication_error",
    message: () => "You are not allowed to use this relay.",
  },
  ERR_RELAY_AUTHORIZE: {
    status: 500,
    type: "internal_error",
    message: () => "The check of who may call this relay failed.",
  },
  ERR_RELAY_CALLER_BUSY: {
    status: 429,
    type: "rate_limit_exceeded",
    message: (f) => `You have ${f.limit} requests under way already; wait for one of them to end.`,
  },
  ERR_RELAY_QUEUE_FULL: {
    status: 503,
    type: unavailable,
    message: (f) => `The queue is full: ${f.limit} requests are waiting for a credential already.`,
  },
  ERR_RELAY_NO_CREDENTIAL: {
    status: 503,
    type: unavailable,
    message: (f) =>
      `No credential can carry this request${of(f)}: none is configured and enabled for it.`,
  },
  ERR_RELAY_TOKEN: {
    status: 503,
    type: unavailable,
    message: (f) =>
      `No credential has a token${of(f)} (${f.detail})${f.retryAfter === undefined ? "." : `; it is tried again in ${f.retryAfter} s.`}`,
  },
  ERR_RELAY_LIMITED: {
    status: 429,
    type: "rate_limit_exceeded",
    message: (f) =>
      `Every credential is limited${of(f)}${f.detail ? ` (${f.detail})` : ""}; try again in ${f.retryAfter} s.`,
  },
  ERR_RELAY_PROTECTED: {
    status: 429,
    type: "quota_protected",
    message: (f) =>
      `What is left of the quota${of(f)} is kept back on every credential; nothing was refused.`,
  },
  ERR_RELAY_CAPACITY: {
    status: 503,
    type: "overloaded_error",
    message: (f) => `The upstream has no capacity${of(f)}; try again later.`,
  },
  ERR_RELAY_DEADLINE: {
    status: 504,
    type: "timeout_error",
    message: (f) => `The request was not answered within its deadline of ${f.limit} ms.`,
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
    message: (f) => `The upstream did not answer in time${of(f)}.`,
  },
  ERR_RELAY_UPSTREAM_DOWN: {
    status: 503,
    type: unavailable,
    message: (f) =>
      `The upstream ${f.upstream} has failed again and again and is left alone for ${f.retryAfter} s.`,
  },
  ERR_RELAY_UPSTREAM_UNREACHABLE: {
    status: 502,
    type: upstream,
    message: (f) => `The upstream could not be reached${of(f)}.`,
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
      `The upstream fell silent for ${f.limit} ms in the middle of its answer${of(f)}.`,
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
