/** Meaning of an upstream's refusal or failure (docs/behaviour.md, row B1). */
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

/** What a verdict concerns, from one model on one credential (`model`) to the whole upstream; `request`: this request only. */
export type Scope =
  | "model"
  | "credential"
  | "upstream-model"
  | "upstream"
  | "acquirer"
  | "request"
  | "none";

/** What the request may try next. */
export type Action = "other-credential" | "same-later" | "refresh-then-same" | "no";

/** Classification of a refusal, and its evidence. */
export interface Verdict {
  /** Meaning of the refusal. */
  reason: Reason;
  /** What the refusal concerns. */
  scope: Scope;
  /** The wait that the answer states, in ms, before any limit is applied; `null` if it states none. */
  hint: number | null;
  /** What the request may try next. */
  action: Action;
  /** True if the answer states that this credential will not work again without an operator. */
  disables: boolean;
  /** True if the stated limit is 0: waiting does not help, this credential has no access to the model (C4). */
  noAccess?: boolean;
  /** Evidence that decided, for log and traces: `code:insufficient_quota`, `status:503`. */
  evidence: string;
}

/** Kind of endpoint that answered: the API, one that creates tokens, or one that refreshes them. */
export type RefusingEndpoint = "ai" | "create" | "token";

/** A refusal before its classification. */
export interface Refusal {
  /** HTTP status; 200 for an error inside a successful answer. */
  status: number;
  /** Returns a response header by its lower-case name. */
  header(name: string): string | undefined;
  /** Response body, or the data of the error event, as text of limited size. */
  body: string;
  endpoint: RefusingEndpoint;
  /** True for an error inside the body of a 200. */
  inStream: boolean;
  /** The requested model, if any. */
  model?: string;
  /** True for an operation besides the answers of models: counting tokens, listing models. */
  isAuxiliary?: boolean;
  /** Time of the answer, UTC epoch ms; absolute reset times become waits relative to it. */
  receivedAt: number;
}
