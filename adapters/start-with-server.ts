// Starts a relay together with the node:http server whose listener it is.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { LazyRelay } from "../src/hosts/lazy-relay.ts";

const LISTEN = "tracing:net.server.listen:asyncStart";

/** The part of `net.Server` that the relay uses. */
interface ListeningServer {
  listeners?: (event: "request") => unknown[];
}

/**
 * Calls the options' function when a server starts to listen whose listener is `handler`, so not in a build or in a test that only
 * imports the module. Wrong options end the process as an uncaught error (L13). A router hides its handlers: behind Express and Fastify
 * `await relay.relay.ready()` does the same.
 */
export function startWithServer(handler: unknown, lazy: LazyRelay): void {
  function onListen(message: unknown): void {
    const { server } = message as { server?: ListeningServer };
    const isOurs = server?.listeners?.("request").includes(handler);
    // The options have been read already: by the operator's call of `ready`, or by a request through another server.
    const isOver = lazy.hasBegun();
    if (isOurs || isOver) unsubscribe(LISTEN, onListen);
    if (!isOurs || isOver) return;
    lazy.relay.ready().catch((error: unknown) => {
      queueMicrotask(() => {
        throw error;
      });
    });
  }
  subscribe(LISTEN, onListen);
}
