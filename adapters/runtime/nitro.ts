// What the modules for Nitro and Nuxt put into the server that is built.
import type { RelayOptions } from "../../src/options/types.ts";
import { closeRelays } from "../../src/edge/open.ts";

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

/** The part of a running Nitro app that is used. */
export interface NitroApp {
  hooks: { hook(name: "close", run: () => unknown): unknown };
}

/**
 * Closes every relay with the app, those of routes of its own too. It begins at the signal: Nitro calls `close` only when the last
 * connection has ended, and an open stream is one.
 */
export function closeWithApp({ hooks }: NitroApp): void {
  const stopListening = onSignal(closeRelays);
  hooks.hook("close", () => {
    stopListening();
    return closeRelays();
  });
}

/** As Nitro's node server reads it. */
function signalsOf(env: Record<string, string | undefined>): NodeJS.Signals[] {
  if (env["NITRO_SHUTDOWN_DISABLED"]) return [];
  const listed = env["NITRO_SHUTDOWN_SIGNALS"] || "SIGTERM SIGINT";
  return listed.split(" ").filter(Boolean) as NodeJS.Signals[];
}

/** The part of Node's process that is used, where a host has one. */
type HostProcess = Pick<
  NodeJS.Process,
  "env" | "pid" | "kill" | "once" | "removeListener" | "listenerCount"
>;

function onSignal(run: () => Promise<void>): () => void {
  const host = (globalThis as { process?: HostProcess }).process;
  if (typeof host?.once !== "function") return () => {};
  const hear = async (signal: NodeJS.Signals): Promise<void> => {
    // Where nobody else listens the process would have ended by now, and our listening must not change that.
    const isAlone = host.listenerCount(signal) === 0;
    await run();
    if (isAlone) host.kill(host.pid, signal);
  };
  const signals = signalsOf(host.env);
  for (const signal of signals) host.once(signal, hear);
  return () => {
    for (const signal of signals) host.removeListener(signal, hear);
  };
}
