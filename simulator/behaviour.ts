// What the simulator can be told to do: plain data, so that a scenario can travel as JSON.

/** Names an API family, or `auth` for the endpoints that hand out tokens. */
export type SimulatedDialect = "openai" | "anthropic" | "google" | "generic" | "auth";

/**
 * Names a moment of an answer. Events are counted by payload: the role chunk of a chat, `message_start` or `response.created` are
 * lifecycle and not counted. A body that is not a stream counts as one event. `connect` is the moment a connection is accepted.
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

/** Names a refusal; its status and body follow the dialect that was spoken. */
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
 * Says where a refusal states how long to wait: `retry-after-date` is the header as a date, `retry-info` and `quota-reset` are
 * Google's details, `reset-header` is OpenAI's or Anthropic's.
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
  /** How long to wait, ms. Stated nowhere when left out, but for quotas that know their own reset. */
  wait?: number;
  /** @default ["retry-info"] for Google, ["retry-after"] elsewhere */
  hints?: readonly HintPlace[];
  status?: number;
  message?: string;
}

/** An answer word for word. */
export interface Reply {
  /** @default 200 */
  status?: number;
  /** A value may be a list: the header is then sent more than once. */
  headers?: Record<string, string | string[]>;
  body?: string;
}

/** An error inside the body of a 200, in the dialect's shape or word for word. */
export interface ErrorInside {
  /** @default "after-headers" */
  at?: Moment;
  /** @default "capacity" */
  kind?: RefusalKind;
  /** How long to wait, ms, stated as the dialect does it. */
  wait?: number;
  /** Bytes to be sent instead of the dialect's own error event. */
  raw?: string;
  /** Puts the error where some gateways put it: in a choice of a chat chunk or in `response.failed`. @default "event" */
  shape?: "event" | "choice" | "response";
}

export type ContentEncoding = "gzip" | "br" | "deflate";

/** Says what happens to one call. Fields combine; everything left out is as a healthy upstream would do it. */
export interface Behaviour {
  /** Waits before anything is sent, ms. What the call does (a refresh, a creation) is done before. */
  delay?: number;
  /** Refuses in the dialect's words. */
  refuse?: RefusalKind | Refuse;
  /** Answers word for word. */
  reply?: Reply;
  /** Headers added to a healthy answer: `set-cookie`, hop-by-hop fields, `location`. */
  headers?: Record<string, string | string[]>;

  /** Events with payload. @default 8 */
  events?: number;
  /** Size of a payload event as sent, bytes; small ones are left as they are. */
  eventBytes?: number;
  /** Pause between events, ms; 0 sends everything at once. @default 0 */
  interval?: number;
  /** Text of the answer, one element for each event, in place of the seeded text. */
  text?: readonly string[];
  /** Repeats payload events until the body has at least so many bytes, as fast as the client reads. */
  bodyBytes?: number;

  /** An error inside a 200. */
  error?: ErrorInside;
  /** Falls silent until the client goes or `release()` is called, then goes on. */
  stall?: Moment;
  /** Sends a comment so often while stalled in a stream, ms. */
  keepalive?: number;
  /** Destroys the socket. */
  cut?: Moment;
  /** Makes `cut` a reset of the connection (RST). */
  reset?: boolean;
  /** Ends the body in good order without what should have followed. */
  end?: Moment;
  /** Sends a body without a byte, or with nothing but a comment in it. */
  empty?: "body" | "comments";
  /** Keeps the socket open after the last byte, without ending the body. */
  holdOpen?: boolean;
  /** Sends the body without any length: only the end of the connection ends it, so that a cut looks like an end. */
  untilClose?: boolean;
  /** Answers with bytes that are not HTTP. */
  garbage?: boolean;
  /** Adds one response header of that many bytes. */
  headerBytes?: number;

  /** Encodes the body, whether it was asked for or not. */
  encoding?: ContentEncoding;
  /** What `content-encoding` claims instead of the truth; `"none"` leaves it out. */
  claims?: string;
  /** Sends the body in pieces of that many bytes, or split at these offsets. */
  split?: number | readonly number[];
  /** Pause between such pieces, ms. @default 0 */
  splitInterval?: number;
  /** @default "\n" */
  lineEnd?: "\n" | "\r\n" | "\r";
  /** Starts the body with a byte order mark. */
  byteOrderMark?: boolean;
  /** Spreads the data of each event over several `data:` lines, where its JSON allows. */
  multiline?: boolean;
  /** Sends a comment line before each event. */
  comments?: boolean;
}
