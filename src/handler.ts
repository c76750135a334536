// The h3 2 handler. h3 itself is not imported: the few fields of its event that are used are described here.
import type { Relay } from "./relay.ts";
import type { RelayOptions } from "./options/types.ts";
import { RelayError } from "./errors.ts";
import { createRelay } from "./relay.ts";
import { NodeCall, type NodeRequest } from "./request/call-node.ts";
import { NodeSink, type NodeResponse } from "./stream/sink-node.ts";

/** The fields of an h3 2 event that the relay uses. */
export interface RelayEvent {
  readonly req: Request & { readonly ip?: string };
  readonly url: { readonly pathname: string; readonly search: string };
  readonly res: { readonly headers: Headers };
  readonly context: {
    readonly matchedRoute?: { readonly route?: string };
    readonly middlewareParams?: Record<string, string>;
  };
  readonly runtime?: { readonly node?: { readonly req: unknown; readonly res?: unknown } };
}

/** An h3 2 handler that relays. */
export interface RelayHandler {
  (event: RelayEvent): Promise<unknown>;
  /** The relay behind it. Throws `ERR_RELAY_START` before the first request where the options are a factory. */
  readonly relay: Relay;
  /** So that `app.mount("/ai", handler)` works too. */
  fetch(request: Request): Promise<Response>;
}

/** Tells h3 2 that the response has been written already. */
const HANDLED: symbol = Symbol.for("h3.handled");

/**
 * Defines a relay as an h3 2 event handler, for `app.use("/ai/**", …)`, `app.all("/ai/**", …)` and Nitro 3 routes.
 * A factory runs at the first request: by then a host has its environment and its storage.
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` where plain options are wrong; a factory's are reported at the first request.
 */
export function defineRelay(options: RelayOptions | (() => RelayOptions)): RelayHandler {
  let made: Relay | undefined = typeof options === "function" ? undefined : createRelay(options);
  const relay = (): Relay => (made ??= createRelay((options as () => RelayOptions)()));

  async function handler(event: RelayEvent): Promise<unknown> {
    const running = start(relay);
    if (running instanceof Response) return running;
    const node = event.runtime?.node;
    const where = locate(event);
    if (!node?.res) {
      return running.fetch(event.req, { mount: where.mount, address: event.req.ip });
    }
    const message = node.req as NodeRequest;
    const sink = new NodeSink(node.res as NodeResponse, message.method ?? "GET");
    const call = new NodeCall(message, {
      mount: where.mount,
      target: rawTarget(message.url ?? "/", where.tail),
      toRequest: () => event.req,
      preparedHeaders: () => event.res.headers,
    });
    await running.handle(call, sink);
    await sink.finished;
    return HANDLED;
  }

  return Object.defineProperty(
    Object.assign(handler, {
      fetch: async (request: Request) => {
        const running = start(relay);
        return running instanceof Response ? running : running.fetch(request);
      },
    }),
    "relay",
    { get: () => made ?? relay() },
  ) as RelayHandler;
}

// A factory with wrong options fails here, at each request, and says why in the server's log once.
function start(relay: () => Relay): Relay | Response {
  try {
    return relay();
  } catch (error) {
    const { status, code, message } = new RelayError("ERR_RELAY_START", { cause: error });
    reportOnce(error);
    return Response.json({ error: { type: "configuration_error", code, message } }, { status });
  }
}

const reported = new Set<string>();

function reportOnce(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  if (reported.has(message)) return;
  reported.add(message);
  // oxlint-disable-next-line no-console -- there is no relay yet, hence no log of its own
  console.error(`[relay] ${message}`);
}

/** Splits the event's path at the place where the matched route's `**` begins. */
function locate({ url, context }: RelayEvent): { mount: string; tail: string } {
  const { pathname, search } = url;
  const route = context.matchedRoute?.route;
  const depth = route === undefined ? undefined : depthOf(route);
  const rest = context.middlewareParams?.["_"];
  const at =
    depth === undefined
      ? rest === undefined
        ? 0
        : Math.max(0, pathname.length - rest.length - 1)
      : indexOfSegment(pathname, depth);
  return { mount: pathname.slice(0, at), tail: pathname.slice(at) + search };
}

/** Number of segments before the first wildcard of a route, or `undefined` where there is none. */
function depthOf(route: string): number | undefined {
  const segments = route.split("/").slice(1);
  const depth = segments.findIndex((segment) => segment.startsWith("**"));
  return depth < 0 ? undefined : depth;
}

function indexOfSegment(pathname: string, depth: number): number {
  let at = 0;
  for (let count = 0; count < depth && at >= 0; count++) at = pathname.indexOf("/", at + 1);
  return at < 0 ? pathname.length : at;
}

/** The host's view of the path is decoded or tidied up; as many segments are taken from the end of the raw one, untouched. */
function rawTarget(raw: string, tail: string): string {
  const mark = raw.indexOf("?");
  const path = mark < 0 ? raw : raw.slice(0, mark);
  const query = mark < 0 ? "" : raw.slice(mark);
  const [tailPath = ""] = tail.split("?", 1);
  let at = path.length;
  for (let count = tailPath.split("/").length - 1; count > 0 && at >= 0; count--)
    at = path.lastIndexOf("/", at - 1);
  return (at < 0 ? path : path.slice(at)) + query;
}
