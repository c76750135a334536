// What the modules for Nitro and Nuxt put into the server that is built.
import type { Relay } from "../../src/relay.ts";
import { closeRelays } from "../../src/hosts/open-relays.ts";
import { giveRelay } from "./module-relay.ts";
import { onSignal } from "./signals.ts";
import { startRelay } from "./start.ts";
import { closeStorages } from "./storages.ts";

export { toOptions } from "./options.ts";

/** The part of a running Nitro app that is used. */
export interface NitroApp {
  hooks: { hook(name: "close", run: () => unknown): unknown };
}

export interface ModuleParts {
  /** The module's own; `undefined` where it has none. */
  relay: Relay | undefined;
  /** True where the options are read when the server starts, not at the first request. */
  starts: boolean;
  /** True in a development server, which a wrong configuration must not end. */
  isDev: boolean;
  /** Gives the app's root storage. */
  storage(): object;
}

/** The module's plugin: runs when the server starts. */
export function startWithApp(app: NitroApp, { relay, starts, isDev, storage }: ModuleParts): void {
  giveRelay(relay);
  closeWithApp(app, storage);
  if (relay && starts) startRelay(relay, isDev);
}

/**
 * Closes every relay with the app, those of routes of its own too. It begins at the signal: Nitro calls `close` only when the last
 * connection has ended, and an open stream is one. Then the storage: an open connection to Redis would keep Nitro 3 from ending.
 */
export function closeWithApp({ hooks }: NitroApp, storage: () => object): void {
  const stopListening = onSignal(closeRelays);
  hooks.hook("close", () => {
    stopListening();
    return closeRelays();
  });
  // Last, after the hooks of the plugins that follow this one, which may still write.
  queueMicrotask(() => hooks.hook("close", () => closeStorages(storage())));
}
