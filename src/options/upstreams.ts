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
}

/** Resolves `upstream` or `upstreams`, whichever is given. */
export function resolveUpstreams(options: RelayOptions): Map<string, UpstreamConfig> {
  if (options.upstream && options.upstreams)
    wrong("upstreams", "cannot be given together with `upstream`");
  const given = options.upstream ? { default: options.upstream } : (options.upstreams ?? {});
  const upstreams = Object.entries(given).map(([name, upstream]): [string, UpstreamConfig] => [
    name,
    resolveUpstream(name, upstream),
  ]);
  if (upstreams.length === 0)
    wrong("upstream", "is missing: give one `upstream` or several `upstreams`");
  return new Map(upstreams);
}

function resolveUpstream(name: string, upstream: UpstreamOptions): UpstreamConfig {
  const { dialect, headers = {}, passHeaders = [] } = upstream;
  const base = new URL(upstream.baseURL);
  return {
    name,
    dialect: typeof dialect === "string" ? DIALECTS[dialect]! : dialect,
    headers: Object.fromEntries(
      Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value]),
    ),
    origin: base.origin,
    basePath: base.pathname.replace(/\/+$/, ""),
    passHeaders: passHeaders.map((header) => header.toLowerCase()),
  };
}
