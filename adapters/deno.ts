/** Deno. */
import type { Relay } from "../src/relay.ts";
import type { AnyOptions, OptionsInput } from "../src/options/input.ts";
import { createLazyRelay, type OptionsOf } from "../src/hosts/lazy-relay.ts";
import { noteOpen } from "../src/hosts/open-relays.ts";

/** The field of `Deno.ServeHandlerInfo` that the relay uses. */
export interface ServeInfo {
  readonly remoteAddr?: object;
}

export interface DenoRelay {
  /** For `Deno.serve`, or as a default export for `deno serve`. */
  fetch(request: Request, info?: ServeInfo): Promise<Response>;
  /** The relay. Its methods work before the first request; see `Relay`. */
  readonly relay: Relay;
  /** Closes the relay. A relay that has not started refuses all requests afterwards. */
  close(): Promise<void>;
}

/**
 * Defines a relay for Deno, mounted at the option `mount`.
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` when plain options are wrong. A function is called, and its options are checked, at the first
 * request or `ready`.
 * @example
 * Deno.serve(defineRelay(() => ({ mount: "/ai", upstream, credentials })).fetch);
 */
export function defineRelay<
  const Tier extends string = never,
  Given extends AnyOptions = AnyOptions,
>(options: OptionsInput<Tier, Given>): DenoRelay {
  const { relay } = createLazyRelay(options as OptionsOf);
  return {
    fetch(request, info) {
      const address = (info?.remoteAddr as { hostname?: string } | undefined)?.hostname;
      return relay.fetch(request, { address });
    },
    relay,
    close: noteOpen(relay),
  };
}
