/**
 * h3 1, and with it Nitro 2 and Nuxt 4. h3 1 neither cancels a returned `Response` nor applies back-pressure to it, so the relay writes
 * to Node's own response.
 */
import type { Relay } from "../src/relay.ts";
import type { AnyOptions, OptionsInput } from "../src/options/input.ts";
import { createLazyRelay, type OptionsOf } from "../src/hosts/lazy-relay.ts";
import { noteOpen } from "../src/hosts/open-relays.ts";
import { preparedOn, type PreparedResponse, serveNode } from "../src/hosts/serve-node.ts";
import { type NodeRequest, toWebRequest } from "../src/http/node-request.ts";
import { countTail, type MountedTarget, placeUnder } from "../src/http/mount.ts";
import type { NodeResponse } from "../src/http/node-response.ts";

/** The fields of an h3 1 event that the relay uses. */
export interface RelayEvent {
  readonly path: string;
  readonly node: { readonly req: unknown; readonly res: unknown };
  readonly context: object;
}

/** An h3 1 handler. */
export interface RelayHandler {
  (event: RelayEvent): Promise<unknown>;
  /** Marks a handler for h3 1. */
  readonly __is_handler__: true;
  /** The relay. Its methods work before the first request; see `Relay`. */
  readonly relay: Relay;
  /** Closes the relay. A relay that has not started refuses all requests afterwards. */
  close(): Promise<void>;
}

/** Fields of an h3 1 event that its types leave out. */
interface InnerEvent {
  _handled: boolean;
  web?: { request?: Request };
  context: {
    params?: Record<string, string>;
    matchedRoute?: { path?: string };
    /** The client's address, when the host has determined it. */
    clientAddress?: string;
    cloudflare?: unknown;
  };
  node: {
    req: NodeRequest & { originalUrl?: string; body?: BodyInit };
    res: NodeResponse & PreparedResponse;
  };
}

/** Marks the response object of hosts without Node's server, which is never sent. A missing socket is no sign: pipelined requests have none yet. */
const STAND_IN = "__unenv__";

/**
 * Defines a relay as an h3 1 handler, for `router.use("/ai/**", …)`, `app.use("/ai", …)` and routes of Nitro 2 and Nuxt 4
 * (`server/routes/ai/[...path].ts`).
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` when plain options are wrong. A function is called, and its options are checked, at the first
 * request or `ready`.
 */
export function defineRelay<
  const Tier extends string = never,
  Given extends AnyOptions = AnyOptions,
>(options: OptionsInput<Tier, Given>): RelayHandler {
  const lazy = createLazyRelay(options as OptionsOf);

  async function handler(event: RelayEvent): Promise<unknown> {
    const begun = lazy.start();
    const served = begun instanceof Promise ? await begun : begun;
    const inner = event as unknown as InnerEvent;
    const { req, res } = inner.node;
    const where = findPlace(event.path, inner, served.mount);
    if (STAND_IN in res)
      return served.fetch(inner.web?.request ?? toRequestWithBody(inner), {
        mount: where.mount,
        address: addressOf(inner),
      });
    inner._handled = true;
    return serveNode(served, req, res, {
      ...where,
      toRequest: () => toWebRequest(req, req.originalUrl),
      toAddress: () => addressOf(inner),
      preparedHeaders: () => preparedOn(res),
    });
  }

  return Object.assign(handler, {
    __is_handler__: true as const,
    relay: lazy.relay,
    close: noteOpen(lazy.relay),
  });
}

function addressOf({ context, node: { req } }: InnerEvent): string | undefined {
  if (context.clientAddress) return context.clientAddress;
  // Cloudflare's edge overwrites this header; elsewhere a client could set it.
  const header = context.cloudflare ? req.headers["cf-connecting-ip"] : undefined;
  return typeof header === "string" ? header : req.socket?.remoteAddress;
}

function findPlace(
  path: string,
  { node, context }: InnerEvent,
  option: string | undefined,
): MountedTarget {
  const pathname = path.split("?", 1)[0]!;
  const route = context.matchedRoute?.path;
  const found = { params: context.params, matchedRoute: { route, handler: undefined } };
  // In h3 1 only routes have parameters; for middleware the mount is already removed from the path.
  const count = countTail({ url: { pathname }, context: found }, undefined);
  return placeUnder(node.req.originalUrl ?? node.req.url ?? "/", count, option);
}

function toRequestWithBody({ node: { req } }: InnerEvent): Request {
  const request = toWebRequest(req, req.originalUrl);
  if (req.body === undefined || req.method === "GET" || req.method === "HEAD") return request;
  return new Request(request, { body: req.body, duplex: "half" } as RequestInit);
}
