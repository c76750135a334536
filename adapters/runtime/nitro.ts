// What the modules for Nitro and Nuxt put into the server that is built.
import type { RelayOptions } from "../../src/options/types.ts";

/** What `server/relay.config.ts` exports: options, or a function of them that runs at the first request. */
export type RelayConfigFile = Partial<RelayOptions> | (() => Partial<RelayOptions>);

/** Options out of `runtimeConfig.relay` (data) and the config file (code), which goes before it. */
export function toOptions(
  data: Record<string, unknown> | undefined,
  file: RelayConfigFile | undefined,
  storage: unknown,
): RelayOptions {
  // `route` is the module's own.
  const { route: _, ...rest } = data ?? {};
  const code = (typeof file === "function" ? file() : file) ?? {};
  return merge({ storage, ...rest }, code as Record<string, unknown>) as unknown as RelayOptions;
}

/** Groups of options are merged by their fields; everything else is replaced. */
function merge(
  base: Record<string, unknown>,
  over: Record<string, unknown>,
): Record<string, unknown> {
  const merged = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const held = merged[name];
    merged[name] = isGroup(held) && isGroup(value) ? { ...held, ...value } : value;
  }
  return merged;
}

function isGroup(value: unknown): value is Record<string, unknown> {
  const isObject = typeof value === "object" && value !== null;
  const prototype: unknown = isObject ? Object.getPrototypeOf(value) : undefined;
  return prototype === Object.prototype || prototype === null;
}
