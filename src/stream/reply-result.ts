// How an upstream's answer came to its end, as the loop of attempts hears it.
import type { EndReason } from "../contract/end-reason.ts";
import type { AttemptFault, ReplyHeaders, Silence, TransportFault } from "../contract/transport.ts";
import type { ErrorCode } from "../shared/errors.ts";

/** Only `ended` has reached the client; the others leave it untouched. */
export type ReplyResult =
  | { kind: "ended"; end: EndReason; error?: ErrorCode }
  | { kind: "refused"; status: number; headers: ReplyHeaders; body: Uint8Array; inStream: boolean }
  | { kind: "failed"; fault: AttemptFault; code?: string }
  | { kind: "left" };

/** What broke an answer off before it was whole: the connection, or silence. */
export interface Break {
  fault: TransportFault | Silence;
  /** The platform's own code. */
  code?: string;
}

export const COMPLETED: ReplyResult = { kind: "ended", end: "completed" };

/** The upstream has told the client by itself what went wrong. */
export const ERROR_FORWARDED: ReplyResult = { kind: "ended", end: "upstream_error" };

/** What came cannot be passed on in an answer of the kind that has begun. */
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

/** What a break means for an answer that the client has begun to read. */
export function interrupted({ fault }: Break): ReplyResult {
  if (isSilence(fault)) return { kind: "ended", end: "idle_timeout", error: "ERR_RELAY_IDLE" };
  return fault === "protocol" ? NOT_STREAMABLE : TRUNCATED;
}

/** Tells whether an answer broke off because nothing more came, and not because its connection ended. */
export function isSilence(fault: Break["fault"]): fault is Silence {
  return fault === "connect-timeout" || fault === "timeout" || fault === "idle-timeout";
}
