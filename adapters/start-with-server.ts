// Starts a relay together with the server of node:http that it is the listener of.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { LazyRelay } from "../src/hosts/lazy-relay.ts";

const LISTEN = "tracing:net.server.listen:asyncStart";

/** The part of `net.Server` that is used. */
interface ListeningServer {
  listeners?: (event: "request") => unknown[];
}

/**
 * Runs the factory when a server starts to listen whose listener is `handler`. Nothing but a server that is started does that: no build,
 * no test that only imports. What is wrong ends the process, as an uncaught error does (L13). A router hides its handlers: behind
 * Express and Fastify `await relay.relay.ready()` does the same.
 */
export function startWithServer(handler: unknown, lazy: LazyRelay): void {
  function onListen(message: unknown): void {
    const { server } = message as { server?: ListeningServer };
    const isOurs = server?.listeners?.("request").includes(handler);
    // The operator, or a request behind another server, has seen already what comes of it.
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
