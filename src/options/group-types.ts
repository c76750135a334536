// The groups of options: scheduling, tokens, limits, streaming, response headers, CORS. Durations are milliseconds, sizes are bytes.
import type { ChooseFunction, StrategyName } from "../contract/strategy.ts";
import type { RefusalRule, RuleReason } from "../refusals/operator-rules.ts";

/** How a credential is selected for a request. */
export interface SchedulingOptions {
  /**
   * `"balance"`: a session keeps its credential and switches at once when that is limited. `"cache-first"`: the session waits for
   * its credential, for up to `cacheWait`, to keep the upstream's prompt cache. `"performance-first"`: sessions and `reuseWindow`
   * are ignored. @default "balance"
   */
  mode?: "balance" | "cache-first" | "performance-first";
  /**
   * Maximum time that a session waits for its own credential in the mode `cache-first`, in ms. `limits.maxWait` does not shorten
   * it; `limits.deadline` does. @default 60_000
   */
  cacheWait?: number;
  /**
   * How the next credential is selected among those of the best tier: `"round-robin"`; `"weighted"`, by `credentials[].weight`;
   * `"least-in-flight"`; `"quota"`, the one with the most quota left, compared in steps of 10 %, an unknown quota as 50 %; or a
   * function `(candidates, request) => id`. Equal credentials take turns. @default "round-robin"
   */
  strategy?: StrategyName | ChooseFunction;
  /** Requests without a session key that are less than this time apart go to the same credential, in ms; `false`: off. @default false */
  reuseWindow?: number | false;
  /** Credential that is used before all others of its upstream while it is available: its id, or an object. */
  preferred?: string | PreferredOptions;
  /**
   * Quota protection: a credential with too little quota left for a model gets no requests for that model until the quota recovers.
   * Values come from rate-limit headers and from `upstream.quota`; they are used for five minutes, or until their window ends.
   * @default false
   */
  protect?: ProtectOptions | false;
  /** Number of requests after which the next credential is selected. @default 1 */
  rotateEvery?: number;
  /**
   * Session key of a request: the name of a request header, or a function. Requests with the same key use the same credential
   * while it is available. @default off
   */
  sessionKey?: string | ((request: Request) => string | null | undefined);
  /** Time after its last request for which a session is remembered, in ms. @default 3_600_000 */
  sessionTTL?: number;
  /** Maximum number of sessions remembered; beyond it the least recently used are forgotten. @default 100_000 */
  sessionLimit?: number;
}

/** The preferred credential of an upstream. */
export interface PreferredOptions {
  /** Id of the credential. */
  id: string;
  /** `true`: no other credential of its upstream is used. @default off */
  strict?: boolean;
}

/** When a credential's remaining quota is kept back. */
export interface ProtectOptions {
  /** Percent of the quota that must be left, above 0 and at most 100. */
  below: number;
  /** Patterns of the models that are protected. @default all */
  models?: string[];
}

/** How access tokens are refreshed. */
export interface TokenOptions {
  /** Refreshes access tokens before they expire, even if no request needs them. Disabled credentials are left out. @default false */
  background?: boolean;
  /** Maximum number of concurrent background refreshes. @default 2 */
  concurrency?: number;
}

/** Limits on requests, attempts and waits; how refusals are handled. */
export interface LimitOptions {
  /** Families of models that share a limit, by pattern (`{ "gpt-4*": "gpt-4" }`); the longest matching pattern wins. */
  families?: Record<string, string>;
  /** Maximum number of upstream calls for one request, over all credentials, endpoints and fallback models. @default 3 */
  maxAttempts?: number;
  /** Maximum time that a request waits for a credential, in ms. A request that would wait longer fails at once. @default 10_000 */
  maxWait?: number;
  /**
   * Maximum time from the start of a request to the start of its answer, all attempts and waits included, in ms; `false`: no limit.
   * @default false
   */
  deadline?: number | false;
  /** Delay before a request tries another credential, in ms. @default 0 */
  switchDelay?: number;
  /** `false`: after its first 429 a request tries the same credential once more, after 1 s. @default true */
  switchOnFirstRateLimit?: boolean;
  /** Factor applied to the waits that upstreams state; 1 or more. @default 1 */
  hintMultiplier?: number;
  /** Random extra wait as a share of the wait, from 0 to 1. A wait is never shortened. @default 0 */
  jitter?: number;
  /**
   * Reasons that disable a credential when the upstream states that it will not work again; names as in docs/refusals.md.
   * @default ["UNAUTHENTICATED", "FORBIDDEN"]
   */
  disableOn?: RuleReason[];
  /**
   * Time after which a disabled credential is reported, once, in ms; `false`: never. Credentials that were added at run time are then
   * removed.
   * @default false
   */
  pruneAfter?: number | false;
  /** Rules of your own for refusals, in order. The first rule that matches overrides the relay's own classification. */
  rules?: RefusalRule[];
  /**
   * Circuit breaker: number of consecutive server and network failures, of any credentials, after which the circuit of an endpoint
   * opens and its requests are answered with 503; `false`: off. Any other answer resets the count. @default 5
   */
  circuitAfter?: number | false;
  /** Time in which those failures must occur, from first to last, in ms. @default 120_000 */
  circuitWithin?: number;
  /**
   * Time for which the circuit stays open before one request probes the endpoint (half-open), in ms. It doubles with each failed
   * probe, up to five minutes. @default 30_000
   */
  circuitOpen?: number;
  /** Maximum size of a request body, in bytes. @default 33_554_432 */
  bodySize?: number;
  /**
   * Maximum size of all request bodies that are held at a time, in bytes. A body is held from its first byte until its answer begins; one
   * caller id may hold a quarter. One more is answered with 429 or 503 and `retry-after`. On Cloudflare Workers 33_554_432.
   * @default 268_435_456
   */
  bufferedBytes?: number;
  /** Maximum time for a request body to arrive, in ms. @default 60_000 */
  bodyTimeout?: number;
  /** Maximum number of request headers. @default 100 */
  headerCount?: number;
  /**
   * Maximum number of calls to one endpoint that wait for the head of their answer; one more is answered with 503 and `retry-after`,
   * unless the request can go elsewhere. Not in the dialect `generic`. @default 10_000
   */
  maxPending?: number;
  /** Maximum number of requests that wait for a credential. @default 1_000 */
  queue?: number;
  /** Limits on one caller: by its id from `authorize`, otherwise by its address (the /64 of an IPv6 address). */
  perCaller?: PerCallerOptions;
}

/** Limits on one caller. */
export interface PerCallerOptions {
  /**
   * Maximum number of concurrent requests of one caller id, or without one of one client address (the /64 of an IPv6 address). One
   * more is answered with 429 and `retry-after`, and nothing is sent upstream. Clients without a known address share a limit of
   * 1,000, or of this number if it is higher. `false`: no limit. @default 100
   */
  concurrent?: number | false;
}

/** What happens to an upstream's answer when the client disconnects before its end. */
export type DisconnectPolicy =
  /** The upstream call is cancelled at once. */
  | "abort"
  /** If part of the answer was sent, the rest is read for its token counts, within `drainTimeout` and `drainBytes`. */
  | "drain"
  /** The request continues to its end without a client, or until `relay.stop` or `relay.close`. */
  | "detach";

/** How answers are streamed, and the timeouts of upstream calls. */
export interface StreamingOptions {
  /**
   * Time after which status and headers of a stream are sent even if no event has arrived, in ms. `false`: they are sent with the
   * first payload event only. @default 10_000
   */
  commitAfter?: number | false;
  /** Silence towards the client after which an SSE comment is sent, in ms; 0 switches it off. @default 15_000 */
  heartbeat?: number;
  /** Maximum time to connect to the upstream, in ms. @default 20_000 */
  connectTimeout?: number;
  /**
   * Maximum time from sending a request for a stream to the first byte of its answer, in ms. @default 300_000
   */
  firstByteTimeout?: number;
  /**
   * Maximum time from sending any other request to the first byte of its answer, in ms: such an answer begins when the upstream has
   * finished it. @default 600_000
   */
  responseTimeout?: number;
  /**
   * Maximum time from sending a request to the first payload of its answer, in ms, whatever comments, lifecycle events, unfinished lines
   * or white space come before; `false`: no limit. A short JSON answer has its payload when it is complete. Not in the dialect
   * `generic`. If `firstByteTimeout` or `responseTimeout` is set to more, that is the default. @default 600_000
   */
  firstPayloadTimeout?: number | false;
  /** Maximum time without a byte from the upstream within an answer, in ms. @default 300_000 */
  idleTimeout?: number;
  /**
   * Maximum time without payload from the upstream within an answer, in ms, whatever comments, pings or white space come; `false`: no
   * limit. Not in the dialect `generic`. If `idleTimeout` is set to more, that is the default. @default 600_000
   */
  payloadIdleTimeout?: number | false;
  /**
   * Maximum time for which a client takes nothing of what waits for it, in ms; then it counts as gone, and `onDisconnect` applies.
   * `false`: no limit. Not for readers in the same process. @default 300_000
   */
  clientStallTimeout?: number | false;
  /** Maximum time from the start of a request to the end of its answer, in ms; `false`: no limit. @default false */
  totalTimeout?: number | false;
  /** Maximum size of an event that is parsed, in bytes. Longer events pass through unparsed. @default 1_048_576 */
  eventSize?: number;
  /**
   * Requests the token counts of streamed chat completions from upstreams of the dialect `openai` if the client has not, and removes
   * the event that carries them from the answer. Needs `limits.maxAttempts` of 2 or more
   * (docs/options.md#streams-and-timeouts). @default false
   */
  includeUsage?: boolean;
  /** Maximum time for open streams to finish when the relay closes, in ms. @default 5_000 */
  shutdownGrace?: number;
  /**
   * What happens to an answer when its client disconnects (docs/options.md#streams-and-timeouts): a policy, or a function that is called with
   * the request at that moment and returns a policy. @default "abort"
   */
  onDisconnect?: DisconnectPolicy | ((request: Request) => DisconnectPolicy);
  /** Maximum time that `drain` reads on, in ms. @default 30_000 */
  drainTimeout?: number;
  /** Maximum size that `drain` reads on, in bytes. @default 1_048_576 */
  drainBytes?: number;
}

/** Names of the response headers that the relay adds; `false` omits one. */
export interface ResponseHeaderOptions {
  /** Header with the model that answered. @default "x-relay-model" */
  model?: string | false;
  /** Header with the number of upstream calls so far. @default "x-relay-attempts" */
  attempts?: string | false;
  /** Header with the request's id, as in hooks and log. @default "x-relay-request-id" */
  requestId?: string | false;
  /** Header with the label of the credential. A label is often an e-mail address, so it is off. @default false */
  credential?: string | false;
}

/** CORS: which origins may call from a browser. */
export interface CorsOptions {
  /** Origins that may call (`https://app.example.com`), or `"*"` for all. */
  origin: string[] | "*";
  /** Allows cookies; cannot be combined with the origin `"*"`. @default false */
  credentials?: boolean;
  /** Time for which a browser may cache a preflight, in ms. @default 600_000 */
  maxAge?: number;
}
