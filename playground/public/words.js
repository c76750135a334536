// What the relay's words mean to somebody who has never seen them.

const REASONS = {
  QUOTA_EXHAUSTED: "quota gone",
  RATE_LIMIT_EXCEEDED: "rate limited",
  MODEL_CAPACITY_EXHAUSTED: "no capacity",
  SERVER_ERROR: "server error",
  UNAUTHENTICATED: "key refused",
  FORBIDDEN: "forbidden",
  BILLING: "no money left",
  INVALID_REQUEST: "request refused",
  NOT_FOUND: "model not there",
  TIMEOUT: "timed out",
  NETWORK: "connection broke",
  EMPTY: "empty answer",
};

const ENDS = {
  completed: "complete",
  refused: "refused",
  upstream_error: "upstream failed",
  truncated: "cut off",
  timeout: "timed out",
  idle_timeout: "went silent",
  client_gone_before_first: "client left before the first word",
  client_gone_mid: "client left in mid-answer",
  client_gone_after_terminal: "complete",
  shutdown: "relay shut down",
};

export const toReason = (reason) =>
  REASONS[reason] ?? String(reason).toLowerCase().replaceAll("_", " ");
export const toEnd = (reason) => ENDS[reason] ?? String(reason).replaceAll("_", " ");

/** Colour of an end: `good`, `bad`, or `left` where the client went. */
export function toTone(reason) {
  if (reason === "completed" || reason === "client_gone_after_terminal") return "good";
  return reason.startsWith("client_gone") ? "left" : "bad";
}
