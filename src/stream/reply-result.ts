// How an upstream's response ended, for the attempt loop.
import type { EndReason } from "../contract/end-reason.ts";
import type { AttemptFault, ReplyHeaders, Silence, TransportFault } from "../contract/transport.ts";
import type { ErrorCode } from "../shared/errors.ts";

/** Only with `ended` has the client received anything. */
export type ReplyResult =
  | { kind: "ended"; end: EndReason; error?: ErrorCode }
  | { kind: "refused"; status: number; headers: ReplyHeaders; body: Uint8Array; inStream: boolean }
  | { kind: "failed"; fault: AttemptFault; code?: string }
  | { kind: "left" };

/** What interrupted a response: the connection, or silence. */
export interface Break {
  fault: TransportFault | Silence;
  /** The platform's own code. */
  code?: string;
}

export const COMPLETED: ReplyResult = { kind: "ended", end: "completed" };

/** The upstream itself has reported the error to the client. */
export const ERROR_FORWARDED: ReplyResult = { kind: "ended", end: "upstream_error" };

/** The response cannot be passed on as the kind of response that has begun. */
export const NOT_STREAMABLE: ReplyResult = {
  kind: "ended",
  end: "upstream_error",
  error: "ERR_RELAY_UPSTREAM_INVALID",
};

export const EMPTY: ReplyResult = { kind: "failed", fault: "empty" };

export const TRUNCATED: ReplyResult = {
  kind: "ended",
  end: "truncated",
  error: "ERR_RELAY_TRUNCATED",
};

/** How a response that the client has begun to read ends after each timeout. */
const SILENT: Record<Silence, ReplyResult> = {
  "connect-timeout": silentFor("timeout", "ERR_RELAY_UPSTREAM_TIMEOUT"),
  timeout: silentFor("timeout", "ERR_RELAY_UPSTREAM_TIMEOUT"),
  "body-timeout": silentFor("timeout", "ERR_RELAY_UPSTREAM_TIMEOUT"),
  "payload-timeout": silentFor("timeout", "ERR_RELAY_UPSTREAM_TIMEOUT"),
  "idle-timeout": silentFor("idle_timeout", "ERR_RELAY_IDLE"),
  "payload-idle-timeout": silentFor("idle_timeout", "ERR_RELAY_NO_PAYLOAD"),
};

function silentFor(end: EndReason, error: ErrorCode): ReplyResult {
  return { kind: "ended", end, error };
}

/** The meaning of an interruption for a response that the client has begun to read. */
export function interrupted({ fault }: Break): ReplyResult {
  if (isSilence(fault)) return SILENT[fault];
  return fault === "protocol" ? NOT_STREAMABLE : TRUNCATED;
}

/** True when a response was interrupted because no more data arrived, and not because its connection ended. */
export function isSilence(fault: AttemptFault): fault is Silence {
  return Object.hasOwn(SILENT, fault);
}
