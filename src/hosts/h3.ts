// The h3 2 handler. h3 itself is not imported: the few fields of its event that are used are declared here.
import type { Relay } from "../relay.ts";
import { noteOpen } from "./open-relays.ts";
import type { Served } from "./error-relay.ts";
import type { AnyOptions, OptionsInput } from "../options/input.ts";
import { createLazyRelay, type OptionsOf } from "./lazy-relay.ts";
import { serveNode } from "./serve-node.ts";
import type { NodeRequest } from "../http/node-request.ts";
import type { ServedRequest } from "../http/web-request.ts";
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
  /** Makes `app.mount("/ai", handler)` work, too. When called without h3, the option `mount` gives the mount path. */
  fetch(request: Request): Promise<Response>;
  /** The relay behind the handler. Its methods work before the first request; see `Relay`. */
  readonly relay: Relay;
  /** Closes the relay. A relay that has not started then accepts no requests. */
  close(): Promise<void>;
}

/** Return value that tells h3 2 that the response has already been written. */
const HANDLED: symbol = Symbol.for("h3.handled");

/**
 * Defines a relay as an h3 2 event handler, for `app.use("/ai/**", …)`, `app.all("/ai/**", …)` and Nitro 3 routes. A function that returns
 * the options runs at the first request, when the host has its environment and its storage.
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` where plain options are wrong. The options of a function are read, and their faults reported, at
 * the first request or by `ready`.
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
      const original = withHost(toOriginal(request));
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

// Not `async`: its frame would stay in memory as long as the response streams.
function relayEvent(served: Served, event: RelayEvent, handler: unknown): Promise<unknown> {
  const node = event.runtime?.node;
  const count = countTail(event, handler);
  if (!node?.res) {
    const { mount } = splitTarget(new URL(event.req.url).pathname, count);
    return fetchUnder(served, event.req, mount).then((it) => keepOwn(it, event.res.headers));
  }
  const message = node.req as NodeRequest;
  return serveNode(served, message, node.res as NodeResponse, {
    ...placeUnder(message.url ?? "/", count, served.mount),
    toRequest: () => withHost(event.req),
    toAddress: () => event.req.ip,
    preparedHeaders: () => event.res.headers,
  }).then(() => HANDLED);
}

/** In HTTP/2 the host is no header: functions of the operator find it there all the same, as behind every other host. */
function withHost(request: ServedRequest): Request {
  const message = request.runtime?.node?.req as NodeRequest | undefined;
  const host = message?.headers[":authority"];
  if (typeof host === "string" && request.headers.get("host") !== host)
    request.headers.set("host", host);
  return request;
}

/** h3 replaces headers of a returned response by those that the app has prepared: not so where the relay's protect the app (N11). */
function keepOwn(response: Response, prepared: Headers): Response {
  const policy = response.headers.get("content-security-policy");
  const appPolicy = prepared.get("content-security-policy");
  if (policy !== null && appPolicy !== null)
    prepared.set("content-security-policy", `${policy}, ${appPolicy}`);
  if (response.headers.has("cache-control")) prepared.delete("cache-control");
  return response;
}

function fetchUnder(
  served: Pick<Served, "fetch" | "mount">,
  request: Request & { readonly ip?: string },
  byRouter: string | undefined,
): Promise<Response> {
  const mount = isOptionDecisive(byRouter, served.mount) ? undefined : byRouter;
  return served.fetch(request, { mount, address: request.ip });
}

/** `app.mount` passes a proxy of the request with a shortened URL; the proxy's methods, `valueOf` included, are those of the original. */
function toOriginal(request: Request): Request {
  const original: unknown = request.valueOf();
  return original instanceof Object && "headers" in original ? (original as Request) : request;
}

function mountOf(original: Request, cut: Request): string {
  const tail = new URL(cut.url).pathname.slice(1);
  return splitTarget(new URL(original.url).pathname, countSegments(tail)).mount;
}
