// The relay of the module for Nitro and Nuxt, as the server's code asks for it.
import type { Relay } from "../../src/relay.ts";
import { RelayError } from "../../src/shared/errors.ts";

type Given = { relay?: Relay };

let given: Given | undefined;

/** Called by the module's plugin when the server starts. */
export function giveRelay(relay: Relay | undefined): void {
  given = { relay };
}

/**
 * Gives the relay of the module (`h3-relay/nitro`, `h3-relay/nuxt`): its status, its credentials, its hooks. It is there before the
 * first request, in plugins and handlers.
 *
 * @throws RelayError `ERR_RELAY_MODULE` where the module is not installed, or has no relay of its own.
 * @example
 * export default defineEventHandler(() => useRelay().status());
 */
export function useRelay(): Relay {
  if (given?.relay) return given.relay;
  const detail = given
    ? "the module has `route: false` and no configuration; give it `relay.config.ts` or `runtimeConfig.relay.upstream`"
    : 'add "h3-relay/nitro" (in Nuxt "h3-relay/nuxt") to `modules`, and call it in a handler or a plugin, not at the top of a module';
  throw new RelayError("ERR_RELAY_MODULE", { detail });
}
