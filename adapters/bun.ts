/** Bun. */
import type { Relay } from "../src/relay.ts";
import type { AnyOptions, OptionsInput } from "../src/options/input.ts";
import { createLazyRelay, type OptionsOf } from "../src/hosts/lazy-relay.ts";
import { noteOpen } from "../src/hosts/open-relays.ts";

/** The methods of Bun's server that the relay uses. */
export interface BunServer {
  timeout(request: Request, seconds: number): void;
  requestIP(request: Request): { readonly address: string } | null;
}

export interface BunRelay {
  /** For `Bun.serve`, or as a default export. */
  fetch(request: Request, server?: BunServer): Promise<Response>;
  /** The relay. Its methods work before the first request; see `Relay`. */
  readonly relay: Relay;
  /** Closes the relay. A relay that has not started refuses all requests afterwards. */
  close(): Promise<void>;
}

/**
 * Defines a relay for Bun, mounted at the option `mount`.
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` when plain options are wrong. A function is called, and its options are checked, at the first
 * request or `ready`.
 * @example
 * export default defineRelay(() => ({ mount: "/ai", upstream, credentials }));
 */
export function defineRelay<
  const Tier extends string = never,
  Given extends AnyOptions = AnyOptions,
>(options: OptionsInput<Tier, Given>): BunRelay {
  const { relay } = createLazyRelay(options as OptionsOf);
  return {
    fetch(request, server) {
      // Bun closes a connection after 10 s without data, less than a heartbeat and than some models think. The relay has its own limits.
      server?.timeout(request, 0);
      return relay.fetch(request, { address: server?.requestIP(request)?.address });
    },
    relay,
    close: noteOpen(relay),
  };
}
