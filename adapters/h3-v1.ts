/** h3 1, and with it Nitro 2 and Nuxt 4. A `Response` returned there is neither cancelled nor read with patience, so Node's own is written. */
import type { Relay } from "../src/relay.ts";
import { createLazyRelay, type OptionsOf } from "../src/edge/lazy.ts";
import { preparedOn, type PreparedResponse, serveNode } from "../src/edge/serve-node.ts";
import { type NodeRequest, toWebRequest } from "../src/request/call-node.ts";
import { countTail, splitTarget } from "../src/request/mount.ts";
import type { NodeResponse } from "../src/stream/sink-node.ts";

/** The fields of an h3 1 event that are used. */
export interface RelayEvent {
  readonly path: string;
  readonly node: { readonly req: unknown; readonly res: unknown };
  readonly context: object;
}

/** An h3 1 handler that relays. */
export interface RelayHandler {
  (event: RelayEvent): Promise<unknown>;
  /** Tells h3 1 that this is a handler. */
  readonly __is_handler__: true;
  /** The relay behind it, made now where no request has made it yet. Throws `ERR_RELAY_START` where a factory is at fault. */
  readonly relay: Relay;
  /** Closes the relay where a request has made it. */
  close(): Promise<void>;
}

/** What h3 1 keeps on an event and does not speak of in its types. */
interface InnerEvent {
  _handled: boolean;
  web?: { request?: Request };
  context: {
    params?: Record<string, string>;
    matchedRoute?: { path?: string };
    /** The client's address where a host has found it. */
    clientAddress?: string;
    cloudflare?: unknown;
  };
  node: {
    req: NodeRequest & { originalUrl?: string; body?: BodyInit };
    res: NodeResponse & PreparedResponse;
  };
}

/** Marks the response of hosts without Node's server, which nobody sends. (A missing socket does not: pipelined requests have none yet.) */
const STAND_IN = "__unenv__";

/**
 * Defines a relay as an h3 1 handler, for `router.use("/ai/**", …)`, `app.use("/ai", …)` and routes of Nitro 2 and Nuxt 4
 * (`server/routes/ai/[...path].ts`).
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` where plain options are wrong; a factory's are reported at the first request.
 */
export function defineRelay(options: OptionsOf): RelayHandler {
  const lazy = createLazyRelay(options);

  async function handler(event: RelayEvent): Promise<unknown> {
    const inner = event as unknown as InnerEvent;
    const { req, res } = inner.node;
    const running = lazy.start();
    const where = findMount(event.path, inner);
    if (STAND_IN in res)
      return running instanceof Response
        ? running
        : running.fetch(inner.web?.request ?? toRequestWithBody(inner), {
            mount: where.mount,
            address: addressOf(inner),
          });
    inner._handled = true;
    return serveNode(running, req, res, {
      ...where,
      toRequest: () => toWebRequest(req, req.originalUrl),
      toAddress: () => addressOf(inner),
      preparedHeaders: () => preparedOn(res),
    });
  }

  const rest = { __is_handler__: true as const, close: lazy.close };
  return Object.defineProperty(Object.assign(handler, rest), "relay", {
    get: () => lazy.get(),
  }) as RelayHandler;
}

function addressOf({ context, node: { req } }: InnerEvent): string | undefined {
  if (context.clientAddress) return context.clientAddress;
  // Cloudflare's edge replaces what a client sends under this name; elsewhere it is the client's word.
  const header = context.cloudflare ? req.headers["cf-connecting-ip"] : undefined;
  return typeof header === "string" ? header : req.socket?.remoteAddress;
}

function findMount(path: string, { node, context }: InnerEvent): { mount: string; target: string } {
  const pathname = path.split("?", 1)[0]!;
  const route = context.matchedRoute?.path;
  const found = { params: context.params, matchedRoute: { route, handler: undefined } };
  // In h3 1 only routes have parameters, a middleware's path is cut off already.
  const count = countTail({ url: { pathname }, context: found }, undefined);
  return splitTarget(node.req.originalUrl ?? node.req.url ?? "/", count);
}

function toRequestWithBody({ node: { req } }: InnerEvent): Request {
  const request = toWebRequest(req, req.originalUrl);
  if (req.body === undefined || req.method === "GET" || req.method === "HEAD") return request;
  return new Request(request, { body: req.body, duplex: "half" } as RequestInit);
}
