// The behaviours that the simulator supports: plain data, so that a scenario can be sent as JSON.

/** Name of an API family, or `auth` for the token endpoints. */
export type SimulatedDialect = "openai" | "anthropic" | "google" | "generic" | "auth";

/**
 * A point in an answer. Events are counted by payload: the role chunk of a chat, `message_start` and `response.created` are lifecycle
 * events and not counted. A body that is not a stream counts as one event. `connect` is the point at which a connection is accepted.
 */
export type Moment =
  | "connect"
  | "before-headers"
  | "after-headers"
  | "after-lifecycle"
  | "before-terminal"
  | { afterEvents: number }
  | { inEvent: number }
  | { afterBytes: number };

/** Name of a refusal; its status and body follow the dialect of the request. */
export type RefusalKind =
  | "quota"
  | "rate-limit"
  | "capacity"
  | "overloaded"
  | "unauthenticated"
  | "forbidden"
  | "billing"
  | "model-not-found"
  | "bad-request"
  | "too-large"
  | "server-error"
  | "no-remaining-quota"
  | "html-429"
  | "html-502"
  | "html-504"
  | "html-524";

/**
 * Where a refusal states its wait: `retry-after-date` is the header as a date, `retry-info` and `quota-reset` are Google's details,
 * `reset-header` is OpenAI's or Anthropic's.
 */
export type HintPlace =
  | "retry-after"
  | "retry-after-date"
  | "retry-after-ms"
  | "retry-info"
  | "quota-reset"
  | "message"
  | "reset-header";

export interface Refuse {
  kind: RefusalKind;
  /** Stated wait, in ms. Omitted: no wait is stated, except by quotas that know their own reset. */
  wait?: number;
  /** @default ["retry-info"] for Google, ["retry-after"] elsewhere */
  hints?: readonly HintPlace[];
  status?: number;
  message?: string;
}

/** A literal answer. */
export interface Reply {
  /** @default 200 */
  status?: number;
  /** A value may be a list: the header is then sent several times. */
  headers?: Record<string, string | string[]>;
  body?: string;
}

/** An error inside the body of a 200, in the dialect's format or literal. */
export interface ErrorInside {
  /** @default "after-headers" */
  at?: Moment;
  /** @default "capacity" */
  kind?: RefusalKind;
  /** Stated wait, in ms, in the dialect's format. */
  wait?: number;
  /** Body text sent in place of the dialect's own error event. */
  raw?: string;
  /** Where the error is placed, as some gateways do: in a choice of a chat chunk or in `response.failed`. @default "event" */
  shape?: "event" | "choice" | "response";
}

export type ContentEncoding = "gzip" | "br" | "deflate";

/** What happens to one call. Fields can be combined; an omitted field means normal behaviour. */
export interface Behaviour {
  /** Wait before anything is sent, in ms. The effect of the call (a refresh, a creation) takes place before. */
  delay?: number;
  /** Refuses in the dialect's format. */
  refuse?: RefusalKind | Refuse;
  /** Sends a literal answer. */
  reply?: Reply;
  /** Headers added to a normal answer: `set-cookie`, hop-by-hop fields, `location`. */
  headers?: Record<string, string | string[]>;

  /** Number of events with payload. @default 8 */
  events?: number;
  /** Minimum size of a payload event as sent, in bytes. */
  eventBytes?: number;
  /** Pause between events, in ms; 0 sends everything at once. @default 0 */
  interval?: number;
  /** Text of the answer, one element per event, in place of the seeded text. */
  text?: readonly string[];
  /** Repeats payload events until the body has at least this size, in bytes, as fast as the client reads. */
  bodyBytes?: number;

  /** An error inside a 200. */
  error?: ErrorInside;
  /** Stops sending until the client leaves or `release()` is called, then continues. */
  stall?: Moment;
  /** Interval of comments while a stream is stalled, in ms. */
  keepalive?: number;
  /** Destroys the socket. */
  cut?: Moment;
  /** Makes `cut` a reset of the connection (RST). */
  reset?: boolean;
  /** Ends the body normally but early. */
  end?: Moment;
  /** Sends a body without a byte, or with only a comment. */
  empty?: "body" | "comments";
  /** Keeps the socket open after the last byte, without ending the body. */
  holdOpen?: boolean;
  /** Sends the body without a length: only the end of the connection ends it, so an interruption looks like a normal end. */
  untilClose?: boolean;
  /** Answers with bytes that are not HTTP. */
  garbage?: boolean;
  /** Adds one response header of this size, in bytes. */
  headerBytes?: number;

  /** Encodes the body, whether the client accepts it or not. */
  encoding?: ContentEncoding;
  /** Value of `content-encoding` in place of the true one; `"none"` omits the header. */
  claims?: string;
  /** Sends the body in pieces of this size, in bytes, or split at these offsets. */
  split?: number | readonly number[];
  /** Pause between such pieces, in ms. @default 0 */
  splitInterval?: number;
  /** @default "\n" */
  lineEnd?: "\n" | "\r\n" | "\r";
  /** Starts the body with a byte order mark. */
  byteOrderMark?: boolean;
  /** Spreads the data of each event over several `data:` lines, where its JSON allows it. */
  multiline?: boolean;
  /** Sends a comment line before each event. */
  comments?: boolean;
}
