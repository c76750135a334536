/** Why a request ended; each request has exactly one. */
export type EndReason =
  | "completed"
  | "refused"
  | "upstream_error"
  | "truncated"
  | "timeout"
  | "idle_timeout"
  | "client_gone_before_first"
  | "client_gone_mid"
  | "client_gone_after_terminal"
  | "client_stalled"
  | "drain_limit"
  | "stopped"
  | "shutdown";
