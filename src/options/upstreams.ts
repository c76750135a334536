// Resolves the upstreams: base URLs parsed, dialects looked up, header names in lower case.
import type { Dialect } from "../contract/dialect.ts";
import type { QuotaSource } from "../contract/quota-source.ts";
import type { Endpoint, ResponseFieldRules } from "../contract/target.ts";
import type { RelayOptions } from "./types.ts";
import type { QuotaPoolOptions, UpstreamOptions } from "./upstream-types.ts";
import { DIALECTS } from "../dialects/builtin.ts";
import { withoutUndefined } from "../shared/json.ts";
import { type AllowedOperations, resolveAllow } from "./allowed-operations.ts";
import { UPSTREAM_DEFAULTS } from "./defaults.ts";
import type { Faults } from "./faults.ts";
import { ResponseFields } from "./response-fields.ts";

/** An upstream with every default applied. */
export interface UpstreamConfig {
  name: string;
  dialect: Dialect;
  passHeaders: readonly string[];
  responseFields: ResponseFieldRules;
  /** Which operations clients may use. */
  operations: AllowedOperations;
  /** Quota pools in order; one with the name `main` if none are configured. */
  pools: readonly QuotaPool[];
  /** Pool names that select a pool after the name of a model (`model:batch`). */
  suffixes: ReadonlySet<string>;
  quotaFallback: boolean;
  quota: QuotaSource | undefined;
  /** Interval between two calls of `quota`, in ms. */
  quotaEvery: number | false;
}

/** A way into an upstream with limits of its own. */
export interface QuotaPool {
  name: string;
  /** The primary first, then its backups. */
  endpoints: readonly Endpoint[];
  headers: Readonly<Record<string, string>>;
  /** Values of those that are secrets. */
  secrets: readonly string[];
}

/** Names of headers whose values are secrets. */
const SECRET_HEADER = /authoriz|auth(?!or)|key|token|secret|cookie|passw/i;
const MAIN_POOL = "main";

/** Resolves `upstream` or `upstreams`. An upstream with a fault keeps its name, so that references to it are not faults as well. */
export function resolveUpstreams(
  options: RelayOptions,
  faults: Faults,
): Map<string, UpstreamConfig> {
  if (options.upstream && options.upstreams)
    faults.add("upstreams", "cannot be combined with `upstream`");
  const several: unknown = options.upstream ? { default: options.upstream } : options.upstreams;
  const given = typeof several === "object" ? (several as RelayOptions["upstreams"]) : {};
  const upstreams = new Map<string, UpstreamConfig>();
  for (const [name, upstream] of Object.entries(given ?? {})) {
    const path = options.upstream ? "upstream" : `upstreams.${name}`;
    upstreams.set(
      name,
      faults.attempt(() => resolveUpstream(name, path, upstream, options, faults)),
    );
  }
  if (upstreams.size === 0 && !faults.hasAt("upstreams"))
    faults.add("upstream", "is missing: set `upstream`, or `upstreams` for several");
  return upstreams;
}

function resolveUpstream(
  name: string,
  path: string,
  upstream: UpstreamOptions,
  { authorize }: RelayOptions,
  faults: Faults,
): UpstreamConfig {
  const { passHeaders = [], pools = [] } = upstream;
  const dialect =
    typeof upstream.dialect === "string" ? DIALECTS[upstream.dialect]! : upstream.dialect;
  const { quota, quotaEvery, quotaFallback } = {
    ...UPSTREAM_DEFAULTS,
    ...withoutUndefined(upstream),
  };
  if (quotaEvery !== false && !quota)
    faults.add(`${path}.quotaEvery`, "has no effect without `quota`");
  pools.forEach((pool, index) => {
    const first = pools.findIndex((other) => other.name === pool.name);
    if (first < index)
      faults.add(`${path}.pools[${index}].name`, `is a duplicate of ${path}.pools[${first}].name`);
  });
  if (quotaFallback && pools.length < 2)
    faults.add(`${path}.quotaFallback`, "has no effect without a second pool");
  return {
    name,
    dialect,
    passHeaders: passHeaders.map((header) => header.toLowerCase()),
    responseFields: resolveResponseFields(path, upstream, authorize !== undefined, faults),
    operations: resolveAllow(`${path}.allow`, dialect, upstream, faults),
    pools: (pools.length === 0 ? [{ name: MAIN_POOL }] : pools).map((pool, index) =>
      resolvePool(pool, upstream, pools.length === 0 ? path : `${path}.pools[${index}]`, faults),
    ),
    suffixes: new Set(pools.map((pool) => pool.name)),
    quotaFallback,
    quota,
    quotaEvery,
  };
}

function resolveResponseFields(
  path: string,
  { passResponseHeaders = [], dropResponseHeaders = [] }: UpstreamOptions,
  isPrivate: boolean,
  faults: Faults,
): ResponseFieldRules {
  const passed = passResponseHeaders.map((name) => name.toLowerCase());
  dropResponseHeaders.forEach((name, index) => {
    const also = passed.indexOf(name.toLowerCase());
    if (also >= 0)
      faults.add(
        `${path}.dropResponseHeaders[${index}]`,
        `cannot be combined with ${path}.passResponseHeaders[${also}]`,
      );
  });
  return new ResponseFields(passed, dropResponseHeaders, isPrivate);
}

function resolvePool(
  pool: QuotaPoolOptions,
  upstream: UpstreamOptions,
  path: string,
  faults: Faults,
): QuotaPool {
  // The backups of the upstream do not apply to a pool with its own base URL.
  const { baseURL = upstream.baseURL, backups = pool.baseURL ? [] : upstream.backups } = pool;
  const endpoints = [baseURL, ...(backups ?? [])].map(toEndpoint);
  const names = endpoints.map(({ origin, basePath }) => origin + basePath);
  names.forEach((name, index) => {
    const first = names.indexOf(name);
    if (first < index)
      faults.add(
        `${path}.backups[${index - 1}]`,
        `is a duplicate of ${first === 0 ? "the base URL" : `${path}.backups[${first - 1}]`}`,
      );
  });
  const headers = Object.entries({ ...upstream.headers, ...pool.headers });
  const listed = new Set(upstream.secretHeaders?.map((name) => name.toLowerCase()));
  const isSecret = (name: string): boolean =>
    SECRET_HEADER.test(name) || listed.has(name.toLowerCase());
  return {
    name: pool.name,
    endpoints,
    headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
    secrets: headers.filter(([name]) => isSecret(name)).map(([, value]) => value),
  };
}

function toEndpoint(baseURL: string | undefined): Endpoint {
  const { origin, pathname } = new URL(baseURL!);
  return { origin, basePath: pathname.replace(/\/+$/, "") };
}
