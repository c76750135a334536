// What an operator may say. Durations are milliseconds, sizes are bytes.
import type { AnonymousContext, AnonymousSource } from "../contract/anonymous-source.ts";
import type { FreshToken, TokenFunction, TokenSource } from "../contract/token-source.ts";
import type { Clock, Random } from "../contract/clock.ts";
import type { Dialect } from "../contract/dialect.ts";
import type { HookHandlers } from "../observe/hooks.ts";
import type { RefusalRule, RuleReason } from "../refusals/operator-rules.ts";
import type { Log } from "../contract/log.ts";
import type { QuotaSource } from "../contract/quota-source.ts";
import type { ChooseFunction, StrategyName } from "../contract/strategy.ts";
import type { StateStorage } from "../state/store/storage.ts";
import type { Transport } from "../contract/transport.ts";

/**
 * Everything a relay can be told: one `upstream` or several `upstreams`, credentials, and what else differs from the defaults.
 * See docs/options.md for each option. `Tier` is the type of the names in `tiers`.
 */
export type RelayOptions<Tier extends string = string> = SeveralUpstreams<Tier> | OneUpstream<Tier>;

/** Options of a relay with several upstreams. */
export interface SeveralUpstreams<Tier extends string = string> extends CommonOptions<Tier> {
  /** Several upstreams by name. */
  upstreams: Record<string, UpstreamOptions>;
  upstream?: undefined;
}

// The last of a union is what TypeScript speaks of where none fits: the usual one stands there.
/** Options of a relay with one upstream. */
export interface OneUpstream<Tier extends string = string> extends CommonOptions<Tier> {
  /** The only upstream; short for `upstreams: { default: … }`. */
  upstream: UpstreamOptions;
  upstreams?: undefined;
}

/** The options that do not depend on how many upstreams there are. */
export interface CommonOptions<Tier extends string = string> {
  /** What is known of single models; a model that is not listed goes to the only upstream. */
  models?: Record<string, ModelOptions>;
  /** Names of tiers in order of preference, best first. */
  tiers?: readonly Tier[];
  credentials: CredentialOptions<Tier>[];
  /**
   * Tells who is calling: a caller id, a `Response` to answer with, `true` for a nameless caller, or `false` for 401.
   * Without it everybody may call. An id has at most 256 characters. `limits.perCaller` counts by the id, else by the address.
   */
  authorize?: Authorize;
  /**
   * Tells a client's IP address, where the host's own answer is a proxy's; nothing: the next source is asked, `trustProxy`, then
   * the host. Example: `(request) => request.headers.get("cf-connecting-ip")`. @default off
   */
  clientAddress?: (request: Request) => string | null | undefined;
  /**
   * Proxies whose X-Forwarded-For or Forwarded header is believed: how many there are in front, or a list of their networks
   * (`"10.0.0.0/8"`, an address, `"loopback"`, `"private"`). `0`: none, on purpose. @default none
   */
  trustProxy?: number | string[];
  scheduling?: SchedulingOptions;
  tokens?: TokenOptions;
  limits?: LimitOptions;
  streaming?: StreamingOptions;
  /** Any unstorage storage, best the root one. Without it the relay remembers nothing beyond the process. */
  storage?: StateStorage;
  /** Key prefix inside the storage. @default "relay" */
  base?: string;
  /** Seals tokens and keys at rest; of a list the first seals and all open. At least 16 characters each. */
  secret?: string | string[];
  /** `1`: this is the only instance on its store, whatever the store can do. @default unknown */
  instances?: number;
  /**
   * ms between two looks at what other instances have changed; `false` looks never.
   * @default 300 on Redis and PostgreSQL, 490 on SQLite, 1,000 on other drivers; `false` with `instances: 1`
   */
  sync?: number | false;
  /** Path the relay is mounted on, where the host cannot tell (`/ai`). */
  mount?: string;
  /** Names of the response headers; `false` leaves one out. */
  responseHeaders?: ResponseHeaderOptions;
  /** Answers CORS preflights and allows these origins. @default false */
  cors?: CorsOptions | false;
  hooks?: HookHandlers;
  /** Where the relay's few lines go; `false` is silence. @default consola with the tag "relay" */
  log?: Log | false;
  /** How upstreams are called: `"fetch"`, or a transport of your own. @default undici on Node, fetch elsewhere */
  transport?: "fetch" | Transport;
  /** The `fetch` of the fetch transport. @default globalThis.fetch */
  fetch?: typeof fetch;
  clock?: Clock;
  random?: Random;
}

export interface UpstreamOptions {
  /**
   * Where calls go; what follows the mount point is appended. With `/v1` for OpenAI's clients, `https://api.openai.com/v1`;
   * without for Anthropic's and Google's, which add it themselves. `undefined` (an unset variable) is an error at start.
   */
  baseURL: string | undefined;
  /** How the API speaks; or a dialect of your own. */
  dialect: DialectName | Dialect;
  /** Headers added to every call. */
  headers?: Record<string, string>;
  /** More request headers (names) that pass from client to upstream. */
  passHeaders?: string[];
  /** Ways into this upstream with limits of their own, in order. @default one, called "main" */
  pools?: QuotaPoolOptions[];
  /** More base URLs of the same API, in order, for when the one before fails. @default none */
  backups?: string[];
  /** Asked how much of a credential's quota is left: at intervals (`quotaEvery`), and once after a quota refusal that states no wait. */
  quota?: QuotaSource;
  /** Asks `quota` for every credential so often. @default false */
  quotaEvery?: number | false;
  /** Goes on to the next pool, without waiting, where no credential has anything left in the one before. @default false */
  quotaFallback?: boolean;
}

/** The dialects that are built in. */
export type DialectName = "openai" | "anthropic" | "google" | "generic";

export interface QuotaPoolOptions {
  /** A request pins a pool by this name: header `x-relay-pool`, or behind the model (`model:name`). */
  name: string;
  /** @default the upstream's */
  baseURL?: string;
  /** @default the upstream's, where the base URL is the upstream's too */
  backups?: string[];
  /** Headers added to every call, beside the upstream's. */
  headers?: Record<string, string>;
}

export interface ModelOptions {
  /** Name of the upstream that serves it; may be left out where there is only one. */
  upstream?: string;
  /** Models to go on with, in order, where this one is limited or fails; of the same dialect. @default none */
  fallback?: string[];
}

/** Something that can carry a request: a static key, a source of tokens, or a source of anonymous tokens. */
export type CredentialOptions<Tier extends string = string> =
  | AnonymousCredential<Tier>
  | TokenCredential<Tier>
  | KeyCredential<Tier>;

/** A credential whose key never changes. */
export interface KeyCredential<Tier extends string = string> extends CommonCredential<Tier> {
  /** The static key, printable ASCII; `undefined` (an unset variable) is an error at start. */
  apiKey: string | undefined;
  token?: undefined;
  anonymous?: undefined;
}

/** A credential whose access tokens are fetched and refreshed. */
export interface TokenCredential<Tier extends string = string> extends CommonCredential<Tier> {
  /** Where its access tokens come from: `oauth(…)`, `firebase(…)`, `serviceAccount(…)`, or a function. */
  token: TokenSource | TokenFunction;
  apiKey?: undefined;
  anonymous?: undefined;
}

/** A credential that carries nothing itself and makes anonymous tokens, each a credential of its own. */
export interface AnonymousCredential<Tier extends string = string> extends CommonCredential<Tier> {
  /**
   * Makes anonymous tokens when no other credential of this tier or a better one can carry a request: `firebaseAnonymous(…)`,
   * `graphqlAnonymous(…)`, an object with `create` and `refresh`, or `create` alone.
   */
  anonymous: AnonymousSource | ((context: AnonymousContext) => Promise<FreshToken>);
  apiKey?: undefined;
  token?: undefined;
}

/** What every credential may have. */
export interface CommonCredential<Tier extends string = string> {
  /** Stable and unique; never derived from the secret. */
  id: string;
  /** Name for people, shown in the status. @default the id */
  label?: string;
  /** Name of its upstream; may be left out where there is only one. */
  upstream?: string;
  /** Anonymous tokens in use at a time. @default 1 */
  maxLive?: number;
  /** How many attempts to create one are made. The provider's own limit, or less. */
  createLimit?: CreateLimitOptions;
  /** Takes an anonymous token out of use after so many requests, before the provider refuses it. @default off */
  expectedRequests?: number;
  /** Makes the next token when the live ones are good for so many requests or fewer. Needs `expectedRequests` and `maxLive` above 1. @default off */
  lowWater?: number;
  /** Rank or name out of `tiers`; lower (earlier) is preferred. @default 1, or the first name */
  tier?: number | NoInfer<Tier>;
  /** Patterns (`gpt-4*`) of models it serves, and of models it must not be offered for; deny wins. */
  models?: { allow?: string[]; deny?: string[] };
  /** Share of the requests under the strategy `weighted`, 1 to 100. @default 1 */
  weight?: number;
  /** Requests under way at most. @default no cap */
  maxInFlight?: number;
}

/** Finite positive numbers: the limiter can be configured, not switched off. */
export interface CreateLimitOptions {
  /** @default 10 */
  perHour?: number;
  /** @default 50 */
  perDay?: number;
  /** Least time between two attempts. @default 60_000 */
  spacing?: number;
  /** Whose attempts count together; apps that share an address at the provider share a key, and a store. @default the credential's id */
  key?: string;
}

export type AuthorizeResult = string | boolean | Response | null | undefined;
export type Authorize = (request: Request) => AuthorizeResult | Promise<AuthorizeResult>;

export interface SchedulingOptions {
  /**
   * `"balance"`: a session keeps its credential, and switches at once when that is limited. `"cache-first"`: it waits for it
   * up to `cacheWait`. `"performance-first"`: sessions and `reuseWindow` are ignored. @default "balance"
   */
  mode?: "balance" | "cache-first" | "performance-first";
  /** In the mode `cache-first`, a session waits for its own credential so long; only `limits.deadline` ends it earlier. @default 60_000 */
  cacheWait?: number;
  /** Who is next among the eligible of the best tier. @default "round-robin" */
  strategy?: StrategyName | ChooseFunction;
  /** Calls without a session key that are less than this apart go to the same credential. @default false */
  reuseWindow?: number | false;
  /** Id of a credential that goes before all others of its upstream; `strict`: there are no others. */
  preferred?: string | { id: string; strict?: boolean };
  /** Keeps the last of a quota back: a model of which a credential has less than `below` percent left is not asked of it. @default false */
  protect?: ProtectOptions | false;
  /** Moves on to the next credential after so many requests. @default 1 */
  rotateEvery?: number;
  /** Name of a request header, or a function: same key, same credential while it is eligible. @default off */
  sessionKey?: string | ((request: Request) => string | null | undefined);
  /** How long a session is remembered after its last request. @default 3_600_000 */
  sessionTTL?: number;
  /** Sessions remembered at most; the least recently used goes. @default 100_000 */
  sessionLimit?: number;
}

export interface ProtectOptions {
  /** Percent that must be left, above 0 and at most 100. */
  below: number;
  /** Patterns of the models this is for. @default all */
  models?: string[];
}

export interface TokenOptions {
  /** Refreshes tokens before they end although no request comes. @default false */
  background?: boolean;
  /** Background refreshes at a time. @default 2 */
  concurrency?: number;
}

export interface LimitOptions {
  /** Pattern → family: models of one family share a limit; the longest match wins. */
  families?: Record<string, string>;
  /** Upstream calls at most for one request, over everything. @default 3 */
  maxAttempts?: number;
  /** Waits for a credential at most so long, else fails at once. @default 10_000 */
  maxWait?: number;
  /** The whole request, all attempts and waits before the answer begins. @default false */
  deadline?: number | false;
  /** Pause before another credential is tried. @default 0 */
  switchDelay?: number;
  /** `false`: the first 429 tries the same credential again after 1 s. @default true */
  switchOnFirstRateLimit?: boolean;
  /** Multiplies stated waits. @default 1 */
  hintMultiplier?: number;
  /** Adds up to this share to a wait, never takes from it. @default 0 */
  jitter?: number;
  /** Reasons that disable a credential when the upstream says it will not work again. @default ["UNAUTHENTICATED", "FORBIDDEN"] */
  disableOn?: RuleReason[];
  /** Reports credentials that have been out of use for so long, and removes those that were added at run time. @default false */
  pruneAfter?: number | false;
  /** Your own reading of refusals, in order; the first rule that fits goes before everything the relay knows. */
  rules?: RefusalRule[];
  /** Server and network failures in a row, whoever meets them, after which an endpoint is left alone. @default 5 */
  circuitAfter?: number | false;
  /** … from the first to the last of them. @default 120_000 */
  circuitWithin?: number;
  /** How long it is left alone before one request tries it again; doubled each time that fails. @default 30_000 */
  circuitOpen?: number;
  /** Request body at most. @default 33_554_432 */
  bodySize?: number;
  /** A request body must have arrived within this time. @default 60_000 */
  bodyTimeout?: number;
  /** Request headers at most. @default 100 */
  headerCount?: number;
  /** Requests waiting for a credential at most. @default 1_000 */
  queue?: number;
  /** Caps on one caller: by its id from `authorize`, else by its address (of IPv6 the /64). */
  perCaller?: PerCallerOptions;
}

export interface PerCallerOptions {
  /** Requests under way at most; over it 429. Clients without a known address have 1,000 together. @default 100 */
  concurrent?: number | false;
}

/** What becomes of an upstream's answer when its client leaves before the end. */
export type DisconnectPolicy =
  /** The upstream is closed at once. */
  | "abort"
  /** Once an answer has begun to reach the client, the rest is read for its token counts, within `drainTimeout` and `drainBytes`. */
  | "drain"
  /** The request goes on to its end, for nobody, or until `relay.stop` or `close`. */
  | "detach";

export interface StreamingOptions {
  /** Sends status and headers of a stream after so long, even if no event has come. `false`: only with the first payload. @default 10_000 */
  commitAfter?: number | false;
  /** A comment after so long a silence towards the client; 0 switches it off. @default 15_000 */
  heartbeat?: number;
  /** Connecting takes at most so long. @default 20_000 */
  connectTimeout?: number;
  /** The first event (or byte, outside SSE) comes within this time of sending. @default 60_000 */
  firstByteTimeout?: number;
  /** Silence of the upstream in mid-stream at most. @default 120_000 */
  idleTimeout?: number;
  /** An answer from its first attempt to its end. @default false */
  totalTimeout?: number | false;
  /** Events longer than this pass unscanned. @default 1_048_576 */
  eventSize?: number;
  /**
   * Asks upstreams of the dialect `openai` for the token counts of streamed chat completions where the client has not, and takes
   * the event that carries them out of the answer again. Needs `limits.maxAttempts` of 2 or more. @default false
   */
  includeUsage?: boolean;
  /** Open streams get so long to finish when the relay closes. @default 5_000 */
  shutdownGrace?: number;
  /** What becomes of an answer when its client leaves; a function is asked at that moment. @default "abort" */
  onDisconnect?: DisconnectPolicy | ((request: Request) => DisconnectPolicy);
  /** `drain` reads on for so long at most, in ms. @default 30_000 */
  drainTimeout?: number;
  /** `drain` reads on for so many bytes at most. @default 1_048_576 */
  drainBytes?: number;
}

export interface ResponseHeaderOptions {
  /** @default "x-relay-model" */
  model?: string | false;
  /** @default "x-relay-attempts" */
  attempts?: string | false;
  /** @default "x-relay-request-id" */
  requestId?: string | false;
  /** The credential's label, often an e-mail address. @default false */
  credential?: string | false;
}

export interface CorsOptions {
  /** Origins that may call, or `"*"`. */
  origin: string[] | "*";
  /** Allows cookies; not together with `"*"`. @default false */
  credentials?: boolean;
  /** How long a preflight may be kept, in ms. @default 600_000 */
  maxAge?: number;
}
