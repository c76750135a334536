// What an operator configures. Durations are milliseconds, sizes are bytes.
import type { Clock, Random } from "../contract/clock.ts";
import type { HookHandlers } from "../observe/hooks.ts";
import type { Log } from "../contract/log.ts";
import type { StateStorage } from "../state/store/storage.ts";
import type { Transport } from "../contract/transport.ts";
import type { CredentialOptions } from "./credential-types.ts";
import type {
  CorsOptions,
  LimitOptions,
  ResponseHeaderOptions,
  SchedulingOptions,
  StreamingOptions,
  TokenOptions,
} from "./group-types.ts";
import type { ModelOptions, UpstreamOptions } from "./upstream-types.ts";

/**
 * All options of a relay: one `upstream` or several `upstreams`, credentials, and everything that differs from the defaults.
 * docs/options.md lists every option. `Tier` is the type of the names in `tiers`.
 */
export type RelayOptions<Tier extends string = string> = SeveralUpstreams<Tier> | OneUpstream<Tier>;

/** Options of a relay with several upstreams. */
export interface SeveralUpstreams<Tier extends string = string> extends CommonOptions<Tier> {
  /** Several upstreams, by name; instead of `upstream`. */
  upstreams: Record<string, UpstreamOptions>;
  upstream?: undefined;
}

// TypeScript's message is about the last member of a union if none matches: the usual one is last.
/** Options of a relay with one upstream. */
export interface OneUpstream<Tier extends string = string> extends CommonOptions<Tier> {
  /** The only upstream; short for `upstreams: { default: … }`. */
  upstream: UpstreamOptions;
  upstreams?: undefined;
}

/** The options that do not depend on the number of upstreams. */
export interface CommonOptions<Tier extends string = string> {
  /** Options of single models, by name. With several upstreams every model must be listed. */
  models?: Record<string, ModelOptions>;
  /** Names of tiers in order of preference, best first. @default none: tiers are numbers */
  tiers?: readonly Tier[];
  /** The credentials, at least one for each upstream. */
  credentials: CredentialOptions<Tier>[];
  /**
   * Identifies the caller of a request. Returns a caller id (at most 256 characters), `true` for a caller without an id, a `Response`
   * to answer with, or `false`, `null` or `undefined` for 401; or a promise of one, which must settle within 30 s. If it throws or
   * returns anything else, the request is answered with 500. It must not read the request's body, only that of a clone. Without it
   * every client may call, and the log warns once. @default off
   */
  authorize?: Authorize;
  /**
   * Returns the client's IP address where the host reports that of a proxy: `(request) => request.headers.get("cf-connecting-ip")`.
   * It must be synchronous. If it returns `undefined`, `null` or `""`, `trustProxy` and then the host decide. If it throws or returns
   * a text that is no address, the address is unknown and the log says so once (docs/hosts.md#the-clients-address). @default off
   */
  clientAddress?: (request: Request) => string | null | undefined;
  /**
   * Proxies whose X-Forwarded-For or Forwarded header is trusted: the number of proxies in front of the relay, or a list of their
   * networks (`["10.0.0.0/8", "2001:db8::7", "loopback", "private"]`). `0` or `[]`: none, and the log does not ask for it.
   * @default none
   */
  trustProxy?: number | string[];
  /** How a credential is selected for a request. */
  scheduling?: SchedulingOptions;
  /** How access tokens are refreshed. */
  tokens?: TokenOptions;
  /** Limits on requests, attempts and waits; how refusals are handled. */
  limits?: LimitOptions;
  /** How answers are streamed, and the timeouts of upstream calls. */
  streaming?: StreamingOptions;
  /**
   * unstorage storage in which cooldowns, disabled credentials and tokens survive a restart and are shared between instances;
   * preferably the root storage, although one with a prefix works. @default memory of the process
   */
  storage?: StateStorage;
  /** Key prefix inside the storage. @default "relay" */
  base?: string;
  /**
   * Seals tokens and keys in the storage; at least 16 characters. Of a list the first secret seals and all of them open, so that a
   * secret can be replaced. `undefined` (an unset environment variable) is an error, so that nothing is stored unsealed by accident.
   * @default none: stored unsealed
   */
  secret?: string | string[];
  /**
   * Number of instances that share the store. `1`: this is the only one, so that rotating tokens are refreshed and anonymous tokens
   * created even if the storage has no atomic lock. @default unknown
   */
  instances?: number;
  /**
   * Interval at which changes of other instances are read, in ms; `false`: never. On a store that bills each read, such as a KV
   * binding, choose it deliberately.
   * @default 300 on Redis and PostgreSQL, 490 on SQLite, 1,000 on other drivers; `false` with `instances: 1`
   */
  sync?: number | false;
  /**
   * Path that the relay is mounted on (`/ai`), if the host's router does not pass it. A path outside the mount is answered with 404.
   * `"/"` relays every path (docs/hosts.md#where-the-relay-is-mounted). @default the path that the host's router passes
   */
  mount?: string;
  /**
   * Origins of the app itself (`https://app.example.com`), for browsers without `Sec-Fetch-Site` behind a proxy that rewrites `Host`: their
   * pages are not another site (docs/security.md#requests-from-other-sites). @default the host of each request
   */
  origins?: string[];
  /** Names of the response headers that the relay adds; `false` omits one. */
  responseHeaders?: ResponseHeaderOptions;
  /** CORS: answers preflights and allows the listed origins. @default false */
  cors?: CorsOptions | false;
  /**
   * Listeners, by event (docs/observing.md). An error that a listener throws is logged and has no other effect. The event `route`
   * examines up to 100 credentials, so it is created only if there is a listener.
   */
  hooks?: HookHandlers;
  /**
   * Logger with the methods `debug`, `info`, `warn` and `error`; `false`: no log. It gets at most 20 different lines a minute, none
   * with a secret or a body. A logger with a numeric `level` below 4, such as consola's, gets no debug lines.
   * @default consola with the tag "relay"
   */
  log?: Log | false;
  /** How upstreams are called: `"fetch"`, or a transport of your own. @default undici on Node, fetch elsewhere */
  transport?: "fetch" | Transport;
  /** `fetch` of the fetch transport. @default globalThis.fetch */
  fetch?: typeof fetch;
  /** Source of time and timers, for tests. @default the system's */
  clock?: Clock;
  /** Source of random numbers from 0 (included) to 1 (excluded), for tests. @default Math.random */
  random?: Random;
}

/** Result of `authorize`: a caller id, `true`, a `Response`, or `false`, `null` or `undefined` for 401. */
export type AuthorizeResult = string | boolean | Response | null | undefined;

/** Identifies the caller of a request. */
export type Authorize = (request: Request) => AuthorizeResult | Promise<AuthorizeResult>;
