// The upstreams of the config: base URLs taken apart, dialects looked up, header names in lower case.
import type { Dialect } from "../contract/dialect.ts";
import type { QuotaSource } from "../contract/quota.ts";
import type { Endpoint } from "../contract/target.ts";
import type { QuotaPoolOptions, RelayOptions, UpstreamOptions } from "./types.ts";
import { DIALECTS } from "../dialects/index.ts";
import { wrong } from "./check.ts";

/** An upstream with everything filled in. */
export interface UpstreamConfig {
  name: string;
  dialect: Dialect;
  passHeaders: readonly string[];
  /** Quota pools in order; one called `main` where none are given. */
  pools: readonly QuotaPool[];
  /** Names that may stand behind a model (`model:batch`). */
  suffixes: ReadonlySet<string>;
  quotaFallback: boolean;
  quota: QuotaSource | undefined;
  /** How often it is asked, ms. */
  quotaEvery: number | false;
}

/** A way into an upstream with limits of its own. */
export interface QuotaPool {
  name: string;
  /** The primary first, then its backups. */
  endpoints: readonly Endpoint[];
  headers: Readonly<Record<string, string>>;
}

const MAIN_POOL = "main";

/** Resolves `upstream` or `upstreams`, whichever is given. */
export function resolveUpstreams(options: RelayOptions): Map<string, UpstreamConfig> {
  if (options.upstream && options.upstreams)
    wrong("upstreams", "cannot be given together with `upstream`");
  const given = options.upstream ? { default: options.upstream } : (options.upstreams ?? {});
  const upstreams = Object.entries(given).map(([name, upstream]): [string, UpstreamConfig] => [
    name,
    resolveUpstream(name, options.upstream ? "upstream" : `upstreams.${name}`, upstream),
  ]);
  if (upstreams.length === 0)
    wrong("upstream", "is missing: give one `upstream` or several `upstreams`");
  return new Map(upstreams);
}

function resolveUpstream(name: string, path: string, upstream: UpstreamOptions): UpstreamConfig {
  const { dialect, passHeaders = [], pools = [], quotaFallback = false } = upstream;
  const { quota, quotaEvery = false } = upstream;
  if (quotaEvery !== false && !quota) wrong(`${path}.quotaEvery`, "has no effect without `quota`");
  pools.forEach((pool, index) => {
    if (pools.findIndex((other) => other.name === pool.name) < index)
      wrong(`${path}.pools[${index}].name`, "stands twice");
  });
  if (quotaFallback && pools.length < 2)
    wrong(`${path}.quotaFallback`, "has no effect without a second pool");
  return {
    name,
    dialect: typeof dialect === "string" ? DIALECTS[dialect]! : dialect,
    passHeaders: passHeaders.map((header) => header.toLowerCase()),
    pools: (pools.length === 0 ? [{ name: MAIN_POOL }] : pools).map((pool, index) =>
      resolvePool(pool, upstream, pools.length === 0 ? path : `${path}.pools[${index}]`),
    ),
    suffixes: new Set(pools.map((pool) => pool.name)),
    quotaFallback,
    quota,
    quotaEvery,
  };
}

function resolvePool(pool: QuotaPoolOptions, upstream: UpstreamOptions, path: string): QuotaPool {
  // A pool with an address of its own has nothing to do with the upstream's backups.
  const { baseURL = upstream.baseURL, backups = pool.baseURL ? [] : upstream.backups } = pool;
  const endpoints = [baseURL, ...(backups ?? [])].map(toEndpoint);
  const names = endpoints.map(({ origin, basePath }) => origin + basePath);
  const twice = names.findIndex((name, index) => names.indexOf(name) < index);
  if (twice > 0) wrong(`${path}.backups[${twice - 1}]`, "stands twice");
  const headers = Object.entries({ ...upstream.headers, ...pool.headers });
  return {
    name: pool.name,
    endpoints,
    headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
  };
}

function toEndpoint(baseURL: string): Endpoint {
  const { origin, pathname } = new URL(baseURL);
  return { origin, basePath: pathname.replace(/\/+$/, "") };
}
