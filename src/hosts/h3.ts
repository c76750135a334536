// The h3 2 handler. h3 itself is not imported: the few fields of its event that are used are described here.
import type { Relay } from "../relay.ts";
import { noteOpen } from "./open-relays.ts";
import type { Served } from "./error-relay.ts";
import type { AnyOptions, OptionsInput } from "../options/input.ts";
import { createLazyRelay, type OptionsOf } from "./lazy-relay.ts";
import { serveNode } from "./serve-node.ts";
import type { NodeRequest } from "../http/node-request.ts";
import {
  countSegments,
  countTail,
  isOptionDecisive,
  type MountedEvent,
  placeUnder,
  splitTarget,
} from "../http/mount.ts";
import type { NodeResponse } from "../http/node-response.ts";

/** The fields of an h3 2 event that the relay uses. */
export interface RelayEvent extends MountedEvent {
  readonly req: Request & { readonly ip?: string };
  readonly res: { readonly headers: Headers };
  readonly runtime?: { readonly node?: { readonly req: unknown; readonly res?: unknown } };
}

/** An h3 2 handler that relays. */
export interface RelayHandler {
  (event: RelayEvent): Promise<unknown>;
  /** So that `app.mount("/ai", handler)` works too; called without h3, the option `mount` says where the relay is mounted. */
  fetch(request: Request): Promise<Response>;
  /** The relay behind it. Its methods work before the first request; see `Relay`. */
  readonly relay: Relay;
  /** Closes the relay. One that has not started takes no requests any more. */
  close(): Promise<void>;
}

/** Tells h3 2 that the response has been written already. */
const HANDLED: symbol = Symbol.for("h3.handled");

/**
 * Defines a relay as an h3 2 event handler, for `app.use("/ai/**", …)`, `app.all("/ai/**", …)` and Nitro 3 routes.
 * A factory runs at the first request: by then a host has its environment and its storage.
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` where plain options are wrong. A function's are read, and reported, at the first request or `ready`.
 */
export function defineRelay<
  const Tier extends string = never,
  Given extends AnyOptions = AnyOptions,
>(options: OptionsInput<Tier, Given>): RelayHandler {
  const lazy = createLazyRelay(options as OptionsOf);

  function handler(event: RelayEvent): Promise<unknown> {
    const served = lazy.start();
    return served instanceof Promise
      ? served.then((it) => relayEvent(it, event, handler))
      : relayEvent(served, event, handler);
  }

  return Object.assign(handler, {
    fetch(request: Request): Promise<Response> {
      const original = toOriginal(request);
      const byRouter = original === request ? undefined : mountOf(original, request);
      const served = lazy.start();
      return served instanceof Promise
        ? served.then((it) => fetchUnder(it, original, byRouter))
        : fetchUnder(served, original, byRouter);
    },
    relay: lazy.relay,
    close: noteOpen(lazy.relay),
  });
}

// Not `async`: a frame of it would be kept as long as the answer streams.
function relayEvent(served: Served, event: RelayEvent, handler: unknown): Promise<unknown> {
  const node = event.runtime?.node;
  const count = countTail(event, handler);
  if (!node?.res) {
    const { mount } = splitTarget(new URL(event.req.url).pathname, count);
    return fetchUnder(served, event.req, mount);
  }
  const message = node.req as NodeRequest;
  return serveNode(served, message, node.res as NodeResponse, {
    ...placeUnder(message.url ?? "/", count, served.mount),
    toRequest: () => event.req,
    toAddress: () => event.req.ip,
    preparedHeaders: () => event.res.headers,
  }).then(() => HANDLED);
}

function fetchUnder(
  served: Pick<Served, "fetch" | "mount">,
  request: Request & { readonly ip?: string },
  byRouter: string | undefined,
): Promise<Response> {
  const mount = isOptionDecisive(byRouter, served.mount) ? undefined : byRouter;
  return served.fetch(request, { mount, address: request.ip });
}

/** `app.mount` hands over a proxy of the request whose URL it has cut; every method of it is the original's, this one too. */
function toOriginal(request: Request): Request {
  const original: unknown = request.valueOf();
  return original instanceof Object && "headers" in original ? (original as Request) : request;
}

function mountOf(original: Request, cut: Request): string {
  const tail = new URL(cut.url).pathname.slice(1);
  return splitTarget(new URL(original.url).pathname, countSegments(tail)).mount;
}
