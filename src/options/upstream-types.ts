// Options of an upstream and of its models. Durations are milliseconds.
import type { Dialect } from "../contract/dialect.ts";
import type { QuotaSource } from "../contract/quota-source.ts";

/** Options of one upstream: where its API is and how it speaks. */
export interface UpstreamOptions {
  /**
   * Base URL of the API: absolute, http or https, without query, fragment or credentials. The path after the mount point is
   * appended to it, undecoded. It ends with `/v1` for OpenAI's clients; it does not for Anthropic's and Google's clients, which add
   * the version themselves (docs/clients.md). `undefined` (an unset environment variable) is an error at start.
   */
  baseURL: string | undefined;
  /** API family that the upstream speaks: the name of a built-in dialect, or an object with the methods of a dialect. */
  dialect: DialectName | Dialect;
  /**
   * Operations that clients may use beside the default ones (docs/security.md#operations): kinds (`"files"`), or a method and a path as
   * the client writes it after the mount (`"DELETE /files/*"`). `*` as a method is every method, in a path anything within one segment;
   * `/**` at the end is the path and everything below it. `"*"` alone allows every method and path. Other requests are answered with 403.
   * The dialect `generic` passes every path, and has no use for this option. @default none
   */
  allow?: string[];
  /** Headers added to every call, by name. They replace headers of the client with the same name. */
  headers?: Record<string, string>;
  /**
   * Names of more headers in `headers` (of the upstream and of its pools) whose values are secrets. They are hidden like keys, as are
   * headers whose name contains `auth`, `key`, `token`, `secret`, `cookie` or `password`
   * (docs/security.md#secrets). @default none
   */
  secretHeaders?: string[];
  /** Names of more request headers that pass from client to upstream. Headers with a client's credential or address never pass. */
  passHeaders?: string[];
  /**
   * Names of response headers that pass from upstream to client although the relay stops them by default: registered names without
   * use for a client, and names that a browser or a proxy obeys (docs/security.md#response-headers). Headers of a connection, cookies
   * and CORS headers never pass. @default none
   */
  passResponseHeaders?: string[];
  /** Names of more response headers that do not pass from upstream to client. @default none */
  dropResponseHeaders?: string[];
  /**
   * Quota pools: ways into the same upstream with limits of their own, in order of preference. A request selects a pool with the
   * header `x-relay-pool`, or with the pool's name after its model (`model:batch`), and then uses no other pool.
   * @default one pool with the name "main"
   */
  pools?: QuotaPoolOptions[];
  /**
   * More base URLs of the same API, in order. If an endpoint answers with a 5xx or cannot be reached, the next attempt of the same
   * request goes to the next endpoint at once. @default none
   */
  backups?: string[];
  /**
   * Asks the API how much of a credential's quota is left: `({ credential, secret, model, fetch, signal }) => ({ remaining, resetAt,
   * models })`, `remaining` as a share from 0 to 1. The relay calls it every `quotaEvery` ms, and once after a quota refusal that
   * states no wait: the cooldown then ends at `resetAt`.
   */
  quota?: QuotaSource;
  /**
   * Interval between two calls of `quota` for each credential, in ms; at least 1,000; `false`: none. Needed for `scheduling.protect` and the
   * strategy `quota` where responses carry no rate-limit headers. @default false
   */
  quotaEvery?: number | false;
  /**
   * `true`: if no credential has quota left in a pool, requests go to the next pool without waiting. `false`: they wait or fail.
   * @default false
   */
  quotaFallback?: boolean;
}

/** Names of the built-in dialects. */
export type DialectName = "openai" | "anthropic" | "google" | "generic";

/** Options of one quota pool. */
export interface QuotaPoolOptions {
  /** Name of the pool: letters, digits, `_`, `.`, `-`. */
  name: string;
  /** Base URL of this pool. @default the base URL of the upstream */
  baseURL?: string;
  /**
   * More base URLs of this pool, in order. @default the backups of the upstream, or none if the pool has its own `baseURL`
   */
  backups?: string[];
  /** Headers added to every call of this pool, in addition to those of the upstream. */
  headers?: Record<string, string>;
}

/** Options of one model. The model `"*"` means requests that name no model (`GET /models`). */
export interface ModelOptions {
  /** Name of the upstream that serves this model. @default the only upstream */
  upstream?: string;
  /**
   * Models to fall back to, in order, when this one is limited, overloaded, failing or not found. They have the same dialect, and
   * only the model's name changes in the request. With several upstreams each must be listed in `models`. Fallbacks of a fallback
   * are not used. A request opts out with the header `x-relay-fallback: off`. @default none
   */
  fallback?: string[];
}
