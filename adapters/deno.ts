/** Deno. */
import type { Relay } from "../src/relay.ts";
import { createLazyRelay, type OptionsOf } from "../src/edge/lazy.ts";
import { serveFetch } from "../src/edge/serve-fetch.ts";

/** The field of `Deno.ServeHandlerInfo` that is used. */
export interface ServeInfo {
  readonly remoteAddr?: object;
}

export interface DenoRelay {
  /** For `Deno.serve`, or by a default export for `deno serve`. */
  fetch(request: Request, info?: ServeInfo): Promise<Response>;
  /** The relay behind it, made now where no request has made it yet. Throws `ERR_RELAY_START` where a factory is at fault. */
  readonly relay: Relay;
  /** Closes the relay where a request has made it. */
  close(): Promise<void>;
}

/**
 * Defines a relay for Deno, mounted where the option `mount` says.
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` where plain options are wrong; a factory's are reported at the first request.
 * @example
 * Deno.serve(defineRelay(() => ({ mount: "/ai", upstream, credentials })).fetch);
 */
export function defineRelay(options: OptionsOf): DenoRelay {
  const lazy = createLazyRelay(options);
  return {
    fetch(request, info) {
      const address = (info?.remoteAddr as { hostname?: string } | undefined)?.hostname;
      return serveFetch(lazy.start(), request, { address });
    },
    get relay() {
      return lazy.get();
    },
    close: lazy.close,
  };
}
