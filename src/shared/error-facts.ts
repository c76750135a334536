// The data of an error: its code, and the facts that its message and the error object in the response may name.
import type { AttemptFault } from "../contract/transport.ts";

/** Facts that a message may name. Never a secret, never an upstream's address. */
export interface ErrorFacts {
  upstream?: string;
  model?: string;
  path?: string;
  expected?: string;
  /** The limit that was exceeded, in the unit of the error code: ms for times, bytes for sizes, otherwise a count. */
  limit?: number;
  /** The option that sets that limit: `streaming.idleTimeout`. */
  option?: string;
  /** Time until a retry is useful, in seconds. */
  retryAfter?: number;
  /** Number of attempts made for the request. */
  attempts?: number;
  detail?: string;
  /** What to do, in complete sentences. */
  advice?: string;
  /** The targets that the request could have used, each with the reason why it was not used. */
  tried?: TriedTarget[];
  /** HTTP status of the upstream's own response. */
  upstreamStatus?: number;
  /** Why no response came from the upstream. */
  fault?: AttemptFault;
  /** Faults found in the options, 20 at most. */
  faults?: readonly OptionFault[];
  /** Number of faults found in the options; counting stops at 1,000. */
  faultCount?: number;
}

/** One fault in the options. */
export interface OptionFault {
  /** Path of the option: `credentials[2].tier`. */
  path: string;
  /** Id of the credential that the option belongs to. */
  credential?: string;
  /** What is wrong and what to do: `must be one of free, pro; did you mean "pro"?` Never the value, which may be a secret. */
  detail: string;
}

/** One target that a request could have used, for the error object in the response. */
export interface TriedTarget {
  model: string;
  pool: string;
  /** Why the target could not be used. */
  reason: string;
  /** Time until the target may be tried again, in seconds; `retry_after` in the error object. */
  retryAfter?: number;
}

/** Error codes: one for each kind of failure. */
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
  | "ERR_RELAY_CROSS_SITE"
  | "ERR_RELAY_OPERATION"
  | "ERR_RELAY_METHOD"
  | "ERR_RELAY_HEADERS"
  | "ERR_RELAY_BODY_SIZE"
  | "ERR_RELAY_BODY_ENCODING"
  | "ERR_RELAY_BODY_JSON"
  | "ERR_RELAY_BODY_INCOMPLETE"
  | "ERR_RELAY_BODY_TIMEOUT"
  | "ERR_RELAY_BODY_USED"
  | "ERR_RELAY_MODEL_MISSING"
  | "ERR_RELAY_MODEL_NAME"
  | "ERR_RELAY_MODEL_TWICE"
  | "ERR_RELAY_MODEL_UNKNOWN"
  | "ERR_RELAY_POOL_UNKNOWN"
  | "ERR_RELAY_UNAUTHORIZED"
  | "ERR_RELAY_AUTHORIZE"
  | "ERR_RELAY_CALLER_BUSY"
  | "ERR_RELAY_CALLER_BUFFER"
  | "ERR_RELAY_BUFFER_FULL"
  | "ERR_RELAY_QUEUE_FULL"
  | "ERR_RELAY_PENDING_FULL"
  | "ERR_RELAY_NO_CREDENTIAL"
  | "ERR_RELAY_TOKEN"
  | "ERR_RELAY_LIMITED"
  | "ERR_RELAY_PROTECTED"
  | "ERR_RELAY_CAPACITY"
  | "ERR_RELAY_DEADLINE"
  | "ERR_RELAY_MODEL_NOT_FOUND"
  | "ERR_RELAY_UPSTREAM_TIMEOUT"
  | "ERR_RELAY_UPSTREAM_DOWN"
  | "ERR_RELAY_UPSTREAM_SILENT"
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
  | "ERR_RELAY_NO_PAYLOAD"
  | "ERR_RELAY_CLIENT_GONE";
