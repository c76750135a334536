// The h3 2 handler. h3 itself is not imported: the few fields of its event that are used are described here.
import type { Relay } from "./relay.ts";
import { createLazyRelay, type OptionsOf } from "./edge/lazy.ts";
import { serveNode } from "./edge/serve-node.ts";
import type { NodeRequest } from "./request/call-node.ts";
import { countTail, type MountedEvent, splitTarget } from "./request/mount.ts";
import type { NodeResponse } from "./stream/sink-node.ts";

/** The fields of an h3 2 event that the relay uses. */
export interface RelayEvent extends MountedEvent {
  readonly req: Request & { readonly ip?: string };
  readonly res: { readonly headers: Headers };
  readonly runtime?: { readonly node?: { readonly req: unknown; readonly res?: unknown } };
}

/** An h3 2 handler that relays. */
export interface RelayHandler {
  (event: RelayEvent): Promise<unknown>;
  /** The relay behind it, made now where no request has made it yet. Throws `ERR_RELAY_START` where a factory is at fault. */
  readonly relay: Relay;
  /** So that `app.mount("/ai", handler)` works too. */
  fetch(request: Request): Promise<Response>;
  /** Closes the relay where a request has made it. */
  close(): Promise<void>;
}

/** Tells h3 2 that the response has been written already. */
const HANDLED: symbol = Symbol.for("h3.handled");

/**
 * Defines a relay as an h3 2 event handler, for `app.use("/ai/**", …)`, `app.all("/ai/**", …)` and Nitro 3 routes.
 * A factory runs at the first request: by then a host has its environment and its storage.
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` where plain options are wrong; a factory's are reported at the first request.
 */
export function defineRelay(options: OptionsOf): RelayHandler {
  const lazy = createLazyRelay(options);

  // Not `async`: a frame of it would be kept as long as the answer streams.
  function handler(event: RelayEvent): Promise<unknown> {
    const running = lazy.start();
    // Not `instanceof`: on Node the global is a getter that costs more than all the rest here.
    if (!("handle" in running)) return Promise.resolve(running);
    const node = event.runtime?.node;
    const count = countTail(event, handler);
    if (!node?.res) {
      const { mount } = splitTarget(new URL(event.req.url).pathname, count);
      return running.fetch(event.req, { mount, address: event.req.ip });
    }
    const message = node.req as NodeRequest;
    return serveNode(running, message, node.res as NodeResponse, {
      ...splitTarget(message.url ?? "/", count),
      toRequest: () => event.req,
      toAddress: () => event.req.ip,
      preparedHeaders: () => event.res.headers,
    }).then(() => HANDLED);
  }

  async function fetch(request: Request & { readonly ip?: string }): Promise<Response> {
    const running = lazy.start();
    return running instanceof Response ? running : running.fetch(request, { address: request.ip });
  }

  const methods = { fetch, close: lazy.close };
  return Object.defineProperty(Object.assign(handler, methods), "relay", {
    get: () => lazy.get(),
  }) as RelayHandler;
}
