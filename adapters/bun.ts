/** Bun. */
import type { Relay } from "../src/relay.ts";
import type { AnyOptions, OptionsInput } from "../src/options/input.ts";
import { createLazyRelay, type OptionsOf } from "../src/hosts/lazy-relay.ts";
import { noteOpen } from "../src/hosts/open-relays.ts";

/** The methods of Bun's server that are used. */
export interface BunServer {
  timeout(request: Request, seconds: number): void;
  requestIP(request: Request): { readonly address: string } | null;
}

export interface BunRelay {
  /** For `Bun.serve`, or by a default export. */
  fetch(request: Request, server?: BunServer): Promise<Response>;
  /** The relay behind it. Its methods work before the first request; see `Relay`. */
  readonly relay: Relay;
  /** Closes the relay. One that has not started takes no requests any more. */
  close(): Promise<void>;
}

/**
 * Defines a relay for Bun, mounted where the option `mount` says.
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` where plain options are wrong. A function's are read, and reported, at the first request or `ready`.
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
      // Bun closes what is silent for 10 s, which is less than a heartbeat and than many a model thinks; the relay has its own limits.
      server?.timeout(request, 0);
      return relay.fetch(request, { address: server?.requestIP(request)?.address });
    },
    relay,
    close: noteOpen(relay),
  };
}
