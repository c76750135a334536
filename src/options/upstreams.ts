// The upstreams of the config: base URLs taken apart, dialects looked up, header names in lower case.
import type { Dialect } from "../contract/dialect.ts";
import type { RelayOptions, UpstreamOptions } from "./types.ts";
import { DIALECTS } from "../dialects/index.ts";
import { wrong } from "./check.ts";

/** An upstream with everything filled in. */
export interface UpstreamConfig {
  name: string;
  /** Scheme, host and port of the base URL. */
  origin: string;
  /** Path of the base URL without a trailing slash. */
  basePath: string;
  dialect: Dialect;
  /** Lower-case names. */
  headers: Readonly<Record<string, string>>;
  passHeaders: readonly string[];
  /** Quota pools in order; one called `main` where none are given. */
  pools: readonly QuotaPool[];
  /** Names that may stand behind a model (`model:batch`). */
  suffixes: ReadonlySet<string>;
  quotaFallback: boolean;
}

/** A way into an upstream with limits of its own. */
export interface QuotaPool {
  name: string;
  origin: string;
  basePath: string;
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
  const main = { name: MAIN_POOL, ...placeOf(upstream.baseURL, upstream.headers) };
  pools.forEach((pool, index) => {
    if (pools.findIndex((other) => other.name === pool.name) < index)
      wrong(`${path}.pools[${index}].name`, "stands twice");
  });
  if (quotaFallback && pools.length < 2)
    wrong(`${path}.quotaFallback`, "has no effect without a second pool");
  return {
    name,
    dialect: typeof dialect === "string" ? DIALECTS[dialect]! : dialect,
    ...placeOf(upstream.baseURL, upstream.headers),
    passHeaders: passHeaders.map((header) => header.toLowerCase()),
    pools:
      pools.length === 0
        ? [main]
        : pools.map((pool) => ({
            name: pool.name,
            ...placeOf(pool.baseURL ?? upstream.baseURL, { ...upstream.headers, ...pool.headers }),
          })),
    suffixes: new Set(pools.map((pool) => pool.name)),
    quotaFallback,
  };
}

function placeOf(
  baseURL: string,
  headers: Record<string, string> = {},
): Pick<QuotaPool, "origin" | "basePath" | "headers"> {
  const base = new URL(baseURL);
  return {
    origin: base.origin,
    basePath: base.pathname.replace(/\/+$/, ""),
    headers: Object.fromEntries(
      Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value]),
    ),
  };
}
