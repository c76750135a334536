// The relay of the module for Nitro and Nuxt, for the app's server code.
import type { Relay } from "../../src/relay.ts";
import { RelayError } from "../../src/shared/errors.ts";

type Given = { relay?: Relay };

let given: Given | undefined;

/** Sets the relay. The module's plugin calls it when the server starts. */
export function giveRelay(relay: Relay | undefined): void {
  given = { relay };
}

/**
 * Returns the relay of the module (`h3-relay/nitro`, `h3-relay/nuxt`): its status, credentials and hooks. Works in plugins and handlers,
 * before the first request, too.
 *
 * @throws RelayError `ERR_RELAY_MODULE` when the module is not installed, or has no relay of its own.
 * @example
 * export default defineEventHandler(() => useRelay().status());
 */
export function useRelay(): Relay {
  if (given?.relay) return given.relay;
  const detail = given
    ? "the module has `route: false` and no configuration; add `relay.config.ts` or `runtimeConfig.relay.upstream`"
    : 'add "h3-relay/nitro" (in Nuxt "h3-relay/nuxt") to `modules`, and call it in a handler or a plugin, not at the top of a module';
  throw new RelayError("ERR_RELAY_MODULE", { detail });
}
