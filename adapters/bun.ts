/** Bun. */
import type { Relay } from "../src/relay.ts";
import { createLazyRelay, type OptionsOf } from "../src/edge/lazy.ts";
import { serveFetch } from "../src/edge/serve-fetch.ts";

/** The methods of Bun's server that are used. */
export interface BunServer {
  timeout(request: Request, seconds: number): void;
  requestIP(request: Request): { readonly address: string } | null;
}

export interface BunRelay {
  /** For `Bun.serve`, or by a default export. */
  fetch(request: Request, server?: BunServer): Promise<Response>;
  /** The relay behind it, made now where no request has made it yet. Throws `ERR_RELAY_START` where a factory is at fault. */
  readonly relay: Relay;
  /** Closes the relay where a request has made it. */
  close(): Promise<void>;
}

/**
 * Defines a relay for Bun, mounted where the option `mount` says.
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` where plain options are wrong; a factory's are reported at the first request.
 * @example
 * export default defineRelay(() => ({ mount: "/ai", upstream, credentials }));
 */
export function defineRelay(options: OptionsOf): BunRelay {
  const lazy = createLazyRelay(options);
  return {
    fetch(request, server) {
      // Bun closes what is silent for 10 s, which is less than a heartbeat and than many a model thinks; the relay has its own limits.
      server?.timeout(request, 0);
      return serveFetch(lazy.start(), request, { address: server?.requestIP(request)?.address });
    },
    get relay() {
      return lazy.get();
    },
    close: lazy.close,
  };
}
