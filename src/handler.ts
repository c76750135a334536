// The h3 2 handler. h3 itself is not imported: the few fields of its event that are used are described here.
import type { Relay } from "./relay.ts";
import type { RelayOptions } from "./options/types.ts";
import { RelayError } from "./errors.ts";
import { describeFault } from "./observe/fault.ts";
import { createRelay } from "./relay.ts";
import { NodeCall, type NodeRequest } from "./request/call-node.ts";
import { countTail, type MountedEvent, splitTarget } from "./request/mount.ts";
import { NodeSink, type NodeResponse } from "./stream/sink-node.ts";

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
}

/** Tells h3 2 that the response has been written already. */
const HANDLED: symbol = Symbol.for("h3.handled");

/** Makes the relay when it is first wanted; throws `ERR_RELAY_START` as long as the factory's options are wrong. */
function lazily(factory: () => RelayOptions): () => Relay {
  let made: Relay | undefined;
  let reported: string | undefined;
  return () => {
    try {
      return (made ??= createRelay(factory()));
    } catch (cause) {
      const line =
        cause instanceof RelayError
          ? cause.message
          : `the factory of the relay's options failed: ${describeFault(cause)}`;
      // oxlint-disable-next-line no-console -- there is no relay yet, hence no log of its own
      if (line !== reported) console.error(`[relay] ${line}`);
      reported = line;
      throw new RelayError("ERR_RELAY_START", { cause });
    }
  };
}

/**
 * Defines a relay as an h3 2 event handler, for `app.use("/ai/**", …)`, `app.all("/ai/**", …)` and Nitro 3 routes.
 * A factory runs at the first request: by then a host has its environment and its storage.
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` where plain options are wrong; a factory's are reported at the first request.
 */
export function defineRelay(options: RelayOptions | (() => RelayOptions)): RelayHandler {
  const relay = typeof options === "function" ? lazily(options) : always(createRelay(options));

  async function handler(event: RelayEvent): Promise<unknown> {
    const running = start(relay);
    if (running instanceof Response) return running;
    const node = event.runtime?.node;
    const count = countTail(event, handler);
    if (!node?.res) {
      const { mount } = splitTarget(new URL(event.req.url).pathname, count);
      return running.fetch(event.req, { mount, address: event.req.ip });
    }
    const message = node.req as NodeRequest;
    const sink = new NodeSink(node.res as NodeResponse, message.method ?? "GET");
    const call = new NodeCall(message, {
      ...splitTarget(message.url ?? "/", count),
      toRequest: () => event.req,
      toAddress: () => event.req.ip,
      preparedHeaders: () => event.res.headers,
    });
    await running.handle(call, sink);
    await sink.finished;
    return HANDLED;
  }

  return Object.defineProperty(
    Object.assign(handler, {
      fetch: async (request: Request & { readonly ip?: string }) => {
        const running = start(relay);
        return running instanceof Response
          ? running
          : running.fetch(request, { address: request.ip });
      },
    }),
    "relay",
    { get: relay },
  ) as RelayHandler;
}

function always(relay: Relay): () => Relay {
  return () => relay;
}

/** The relay, or the answer to give while there is none. */
function start(relay: () => Relay): Relay | Response {
  try {
    return relay();
  } catch (error) {
    const { status, code, type, message } = error as RelayError;
    const headers = { "x-should-retry": "false" };
    return Response.json({ error: { type, code, message } }, { status, headers });
  }
}
