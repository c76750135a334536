// The code that the modules for Nitro and Nuxt add to the server.
import type { Relay } from "../../src/relay.ts";
import { closeRelays } from "../../src/hosts/open-relays.ts";
import { giveRelay } from "./module-relay.ts";
import { onSignal } from "./signals.ts";
import { startRelay } from "./start.ts";
import { closeStorages } from "./storages.ts";

export { toOptions } from "./options.ts";

/** The part of a running Nitro app that the plugin uses. */
export interface NitroApp {
  hooks: { hook(name: "close", run: () => unknown): unknown };
}

export interface ModuleParts {
  /** The module's relay; `undefined` when it has none. */
  relay: Relay | undefined;
  /** True when the options are read at the start of the server, not at the first request. */
  starts: boolean;
  /** True in a development server, which wrong options must not end. */
  isDev: boolean;
  /** Returns the app's root storage. */
  storage(): object;
}

/** The module's plugin. Runs when the server starts. */
export function startWithApp(app: NitroApp, { relay, starts, isDev, storage }: ModuleParts): void {
  giveRelay(relay);
  closeWithApp(app, storage);
  if (relay && starts) startRelay(relay, isDev);
}

/**
 * Closes all relays with the app, including those of its own routes. It starts at the signal: Nitro calls `close` only after the last
 * connection has ended, and an open stream is one. Then it closes the storage: an open connection to Redis would keep the process of
 * Nitro 3 alive.
 */
export function closeWithApp({ hooks }: NitroApp, storage: () => object): void {
  const stopListening = onSignal(closeRelays);
  hooks.hook("close", () => {
    stopListening();
    return closeRelays();
  });
  // Last, after the hooks of later plugins, which may still write.
  queueMicrotask(() => hooks.hook("close", () => closeStorages(storage())));
}
