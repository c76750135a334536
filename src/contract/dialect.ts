import type { Reason, Refusal, Scope } from "./verdict.ts";

/** What was asked, as far as a dialect has to know it. */
export interface Asked {
  method: string;
  /** Mount tail with its leading slash and without the query: `/chat/completions`. */
  path: string;
  /** Query with its leading `?`, or `""`. */
  query: string;
  /** The parsed JSON body; `undefined` where the body is not JSON. */
  json: unknown;
}

/** What one event of a stream means: only `payload` opens the commit gate; `lifecycle` is held before it. */
export type EventMeaning = "lifecycle" | "payload" | "error" | "terminal";

/** One server-sent event: its `event` field (`""` where there is none) and its data lines joined by `\n`. */
export interface StreamEvent {
  name: string;
  data: string;
}

/** An error of ours, to be written in the shape that a dialect's clients understand. */
export interface RenderedError {
  /** HTTP status. */
  status: number;
  /** Our error code, `ERR_RELAY_…`. */
  code: string;
  /** The dialect-neutral kind, `rate_limit_exceeded` for example. */
  type: string;
  message: string;
  /** More fields for the error object: `retry_after` (seconds), `upstream`, `model`. */
  data?: Record<string, unknown>;
}

/** Token counts as an upstream reports them; what it does not report is left out. */
export interface Usage {
  /** Number of tokens of the request. */
  inputTokens?: number;
  /** Number of tokens of the answer, those of its thoughts included. */
  outputTokens?: number;
  /** Number of all tokens, as the upstream adds them up. */
  totalTokens?: number;
}

/** How far counts can be trusted: of the whole answer, of one that did not come to its end, or there are none. */
export type UsageStatus = "reported" | "partial" | "none";

/** A code that a dialect's API uses, and what it means. `scope` and the rest default by reason. */
export interface CodeMeaning {
  reason: Reason;
  scope?: Scope;
  disables?: boolean;
  /** True for a code that says little (`invalid_request_error`): what the message says goes before it. */
  weak?: boolean;
}

/** How a stream of an API is made to report its token counts, where it does so only on request (I17). */
export interface UsageOption {
  /** Names from the top of the JSON body down to the field, which is set to `true`. */
  path: readonly [string, ...string[]];
  /** True where this request's answer reports no counts unless the field is set, and its endpoint knows the field. */
  isMissing(asked: Asked): boolean;
  /** True for an event with nothing in it but the counts: it comes for the field alone, and is taken out of the answer. */
  isAnswer(event: StreamEvent): boolean;
}

/** How an API family speaks. One file in src/dialects/ each; an operator can give one of their own. */
export interface Dialect {
  name: string;

  /** Returns the model that a request names, or `undefined`. */
  readModel(asked: Asked): string | undefined;
  /** Tells whether this request cannot go anywhere without a model (`POST /chat/completions`). */
  needsModel(asked: Asked): boolean;
  /** Tells whether the caller asks for server-sent events, as far as the request shows. */
  wantsStream(asked: Asked): boolean;

  /** Header (lower case) and value that put a secret on a request. */
  credentialHeader(secret: string): [name: string, value: string];
  /** Request headers (lower case) of this API that pass from client to upstream beside the common ones. */
  passHeaders: readonly string[];
  /** Query parameters that carry a credential in this API and never reach the upstream (`key`). */
  secretParameters: readonly string[];
  /** How the version stands in a path of this API: needed in it, or an API may do without. */
  version: "required" | "optional";

  /** What explicit codes, types, reasons and statuses of this API mean; looked up in lower case, before any words are read. */
  codes: Readonly<Record<string, CodeMeaning>>;
  /** Reads what only this dialect can know from a refusal; `undefined` leaves it to the common evidence. */
  judge?(refusal: Refusal): CodeMeaning | undefined;

  /** Tells what an event means. May parse. Called for each event before commit, and after it where `mayBeSignificant` says so. */
  classifyEvent(event: StreamEvent): EventMeaning;
  /** A cheap first look at an event after commit: false where it can be neither terminal nor error. Must not parse. */
  mayBeSignificant(event: StreamEvent): boolean;
  /** True where a stream of this API may end well without a terminal event, given its last event. */
  isCompleteWith?(last: StreamEvent): boolean;
  /** Finds token counts in an event or a JSON body. */
  readUsage(data: string): Usage | undefined;
  /** For `streaming.includeUsage`; left out where streams of this API report their counts by themselves. */
  usageOption?: UsageOption | undefined;

  /** Body of an error answer (JSON text). */
  renderError(error: RenderedError): string;
  /** An error event, complete with its blank line. */
  renderErrorEvent(error: RenderedError): string;
}
