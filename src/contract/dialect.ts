import type { OperationTable } from "./operations.ts";
import type { Reason, Refusal, Scope } from "./verdict.ts";

/** The parts of a request that a dialect reads. */
export interface Asked {
  method: string;
  /** Path after the mount point, with its leading slash and without the query: `/chat/completions`. */
  path: string;
  /** Query with its leading `?`, or `""`. */
  query: string;
  /** The parsed JSON body, of a large one only the fields in `bodyPaths`; `undefined` if the body is not JSON. */
  json: unknown;
}

/** Meaning of one event of a stream: only `payload` opens the commit gate; `lifecycle` is held back until then. */
export type EventMeaning = "lifecycle" | "payload" | "error" | "terminal";

/** One server-sent event: its `event` field (`""` if it has none) and its data lines joined by `\n`. */
export interface StreamEvent {
  name: string;
  data: string;
}

/** An error of the relay, to be rendered in the format of a dialect's clients. */
export interface RenderedError {
  /** HTTP status. */
  status: number;
  /** Error code of the relay, `ERR_RELAY_…`. */
  code: string;
  /** Dialect-neutral kind, for example `rate_limit_exceeded`. */
  type: string;
  message: string;
  /** More fields for the error object: `retry_after` (seconds), `upstream`, `model`. */
  data?: Record<string, unknown>;
}

/** Token counts as an upstream reports them; counts that it does not report are absent. */
export interface Usage {
  /** Number of tokens of the request. */
  inputTokens?: number;
  /** Number of tokens of the answer, including reasoning tokens. */
  outputTokens?: number;
  /** Number of all tokens, as the upstream totals them. */
  totalTokens?: number;
}

/** Completeness of the token counts: of a whole answer, of an answer that did not reach its end, or none. */
export type UsageStatus = "reported" | "partial" | "none";

/** Meaning of a code that an API uses. What is absent defaults by reason. */
export interface CodeMeaning {
  reason: Reason;
  scope?: Scope;
  disables?: boolean;
  /** True for an unspecific code (`invalid_request_error`): words of the message override it. */
  weak?: boolean;
}

/** The request field with which an API reports token counts in a stream, if it does so only on request (I17). */
export interface UsageOption {
  /** Path of the field in the JSON body, from the top; the field is set to `true`. */
  path: readonly [string, ...string[]];
  /** True if the answer to this request has no counts without the field, and the endpoint supports the field. */
  isMissing(asked: Asked): boolean;
  /** True for an event that contains nothing but the counts: it is sent because of the field and is removed from the answer. */
  isAnswer(event: StreamEvent): boolean;
}

/** How an API family speaks. Each built-in dialect is a file in src/dialects/; an operator can pass another. */
export interface Dialect {
  /** Name for the log; of two models only those with the same dialect name can be each other's fallback. */
  name: string;

  /**
   * Fields of a JSON body that `readModel`, `needsModel`, `wantsStream` and `usageOption` read, as paths in ASCII: `model`,
   * `stream_options.include_usage`, `messages[*].role`. Of a body above 16 KiB nothing else is in `Asked.json`.
   * @default ["model", "stream", "stream_options"]
   */
  bodyPaths?: readonly string[] | undefined;
  /** Returns the model that a request names; `undefined` if it names none. */
  readModel(asked: Asked): string | undefined;
  /** True if the request cannot be routed without a model (`POST /chat/completions`). */
  needsModel(asked: Asked): boolean;
  /** True if the request asks for server-sent events. */
  wantsStream(asked: Asked): boolean;

  /** Returns the request header (lower case) and its value that present a secret. */
  credentialHeader(secret: string): [name: string, value: string];
  /** Request headers (lower case) of this API that pass from client to upstream, in addition to the common ones. */
  passHeaders: readonly string[];
  /** Query parameters that carry a credential in this API and never reach the upstream (`key`). */
  secretParameters: readonly string[];
  /** Version in a path of this API: always there, or absent from some APIs. */
  version: "required" | "optional";
  /**
   * The operations of this API; all others, and the restricted ones, are refused with 403 until `upstream.allow` names them.
   * @default every method and path passes
   */
  operations?: OperationTable | undefined;

  /** Meaning of the codes, types, reasons and statuses of this API; looked up in lower case, before the message is read. */
  codes: Readonly<Record<string, CodeMeaning>>;
  /** Classifies a refusal by what is specific to this dialect; `undefined` leaves it to the common evidence. */
  judge?(refusal: Refusal): CodeMeaning | undefined;

  /**
   * Fields of an event or a JSON answer that `classifyEvent`, `isCompleteWith`, `readUsage` and `usageOption` read, as paths like those in
   * `bodyPaths`. Events above 64 KiB are given to these functions with nothing else. @default all
   */
  eventPaths?: readonly string[] | undefined;
  /** Returns the meaning of an event. May parse. Called for each event before commit, and after it if `mayBeSignificant` is true. */
  classifyEvent(event: StreamEvent): EventMeaning;
  /** True for a whole JSON answer that contains nothing, although it ended normally: it is tried again. */
  isEmptyAnswer?(json: unknown): boolean;
  /** Cheap check of an event after commit: false if it can be neither terminal nor error. Must not parse. */
  mayBeSignificant(event: StreamEvent): boolean;
  /** True if a stream with this last event is complete without a terminal event. */
  isCompleteWith?(last: StreamEvent): boolean;
  /** Returns the token counts in an event or a JSON body; `undefined` if it has none. */
  readUsage(data: string): Usage | undefined;
  /** For `streaming.includeUsage`; absent if streams of this API always report their counts. */
  usageOption?: UsageOption | undefined;

  /** Returns the body of an error response (JSON text). */
  renderError(error: RenderedError): string;
  /** Returns an error event, including its blank line. */
  renderErrorEvent(error: RenderedError): string;
}
