// Readable texts for the reasons of the relay.

const REASONS = {
  QUOTA_EXHAUSTED: "quota exhausted",
  RATE_LIMIT_EXCEEDED: "rate limited",
  MODEL_CAPACITY_EXHAUSTED: "no capacity",
  SERVER_ERROR: "server error",
  UNAUTHENTICATED: "key refused",
  FORBIDDEN: "forbidden",
  BILLING: "billing problem",
  INVALID_REQUEST: "invalid request",
  NOT_FOUND: "model not found",
  TIMEOUT: "timed out",
  NETWORK: "network error",
  EMPTY: "empty answer",
};

const ENDS = {
  completed: "complete",
  refused: "refused",
  upstream_error: "upstream failed",
  truncated: "cut off",
  timeout: "timed out",
  idle_timeout: "idle timeout",
  client_gone_before_first: "client disconnected before the first word",
  client_gone_mid: "client disconnected during the answer",
  client_gone_after_terminal: "complete",
  shutdown: "relay shut down",
};

export const toReason = (reason) =>
  REASONS[reason] ?? String(reason).toLowerCase().replaceAll("_", " ");
export const toEnd = (reason) => ENDS[reason] ?? String(reason).replaceAll("_", " ");

/** Colour of an end: `good`, `bad`, or `left` if the client disconnected. */
export function toTone(reason) {
  if (reason === "completed" || reason === "client_gone_after_terminal") return "good";
  return reason.startsWith("client_gone") ? "left" : "bad";
}
