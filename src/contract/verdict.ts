/** What an answer of an upstream means. The words are those of docs/behaviour.md, row B1. */
export type Reason =
  | "QUOTA_EXHAUSTED"
  | "RATE_LIMIT_EXCEEDED"
  | "MODEL_CAPACITY_EXHAUSTED"
  | "SERVER_ERROR"
  | "UNKNOWN"
  | "TOKEN_EXHAUSTED"
  | "CREATE_LIMITED"
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "BILLING"
  | "INVALID_REQUEST"
  | "NOT_FOUND"
  | "TIMEOUT"
  | "NETWORK"
  | "ABORTED"
  | "EMPTY";

/** Whom a verdict concerns, narrowest first after `model` (credential × model). */
export type Scope =
  | "model"
  | "credential"
  | "upstream-model"
  | "upstream"
  | "acquirer"
  | "request"
  | "none";

/** What may be tried next. */
export type Action = "other-credential" | "same-later" | "refresh-then-same" | "no";

/** What a refusal was taken for, and why. */
export interface Verdict {
  /** What was refused. */
  reason: Reason;
  /** What the refusal concerns. */
  scope: Scope;
  /** The wait that the answer itself states, ms, before any bound is applied; `null` where it states none. */
  hint: number | null;
  /** What the request may try next. */
  action: Action;
  /** True where the answer says that this credential will not work again until an operator mends it. */
  disables: boolean;
  /** True where this one token is used up and no reset may be assumed (H4). */
  exhausts?: boolean;
  /** True where the stated limit is 0: waiting does not help, this credential has no right to the model (C4). */
  noAccess?: boolean;
  /** Which piece of evidence decided, for the log and the trace: `code:insufficient_quota`, `status:503`. */
  evidence: string;
}

/** Which kind of endpoint answered: the API itself, one that creates tokens, or one that refreshes them. */
export type RefusingEndpoint = "ai" | "create" | "token";

/** A refusal as it came, before anybody judged it. */
export interface Refusal {
  /** HTTP status; for an error inside a 200 the status of that 200. */
  status: number;
  /** Looks up a response header by its lower-case name. */
  header(name: string): string | undefined;
  /** Response body, or the error event's data, as text. Bounded by the caller. */
  body: string;
  endpoint: RefusingEndpoint;
  /** True for an error that stood inside the body of a 200. */
  inStream: boolean;
  /** The model that was asked for, where one was. */
  model?: string;
  /** When the answer came, UTC epoch ms: absolute reset times are turned into waits with it. */
  receivedAt: number;
}
