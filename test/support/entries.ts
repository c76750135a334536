/** Every entry of the package as its host uses it, mounted on `/ai`: by a router, by the option `mount`, or by the call. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { H3, serve } from "h3";
import { defineRelay as onBun } from "../../adapters/bun.ts";
import { defineRelay as onCloudflare } from "../../adapters/cloudflare.ts";
import { defineRelay as onDeno } from "../../adapters/deno.ts";
import { defineRelay as onH3V1 } from "../../adapters/h3-v1.ts";
import { defineRelay as onNode } from "../../adapters/node.ts";
import { createRelay, defineRelay, type OptionsOf, type Relay } from "../../src/index.ts";

export interface Entry {
  relay: Relay;
  /** Sends a request to a path of the host. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

export interface EntryKind {
  /** Whether the option `mount` gives the mount path. */
  isByOption: boolean;
  /** Whether the router decodes a path before it matches the mount path. */
  isDecoded?: boolean;
  open(options: OptionsOf): Promise<Entry>;
}

type Fetch = (request: Request) => Response | Promise<Response>;

const overFetch = (relay: Relay, fetch: Fetch): Promise<Entry> =>
  Promise.resolve({
    relay,
    ask: async (path, init) => fetch(new Request(`http://host.test${path}`, init)),
    close: () => relay.close(),
  });

async function overNode(relay: Relay, listener: RequestListener): Promise<Entry> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    relay,
    ask: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init),
    async close() {
      server.closeAllConnections();
      server.close();
      await relay.close();
    },
  };
}

async function overH3(relay: Relay, app: H3): Promise<Entry> {
  const server = serve(app, { port: 0, hostname: "127.0.0.1", silent: true });
  await server.ready();
  const origin = server.url!.replace(/\/$/, "");
  return {
    relay,
    ask: (path, init) => fetch(origin + path, init),
    async close() {
      await server.close(true);
      await relay.close();
    },
  };
}

/** As h3 1 calls a handler of `router.use("/ai/**", …)`. */
function likeH3V1(handler: ReturnType<typeof onH3V1>): RequestListener {
  return (req, res) => {
    const { pathname } = new URL(req.url!, "http://host.test");
    if (!/^\/ai(?:\/|$)/.test(pathname)) return void res.writeHead(404).end();
    const params = { _: pathname.slice("/ai/".length) };
    const context = { matchedRoute: { path: "/ai/**" }, params };
    void handler({ path: req.url!, node: { req, res }, context });
  };
}

const WORKER = { waitUntil: (work: Promise<unknown>) => void work.catch(() => {}) };

export const ENTRIES: Record<string, EntryKind> = {
  "relay.fetch with a mount": {
    isByOption: false,
    open(options) {
      const relay = createRelay(options);
      return overFetch(relay, (request) => relay.fetch(request, { mount: "/ai" }));
    },
  },
  "relay.fetch": {
    isByOption: true,
    open(options) {
      const relay = createRelay(options);
      return overFetch(relay, (request) => relay.fetch(request));
    },
  },
  "h3 app.all": {
    isByOption: false,
    isDecoded: true,
    open(options) {
      const handler = defineRelay(options);
      return overH3(handler.relay, new H3().all("/ai/**", handler as never));
    },
  },
  "h3 app.use": {
    isByOption: false,
    isDecoded: true,
    open(options) {
      const handler = defineRelay(options);
      return overH3(handler.relay, new H3().use("/ai/**", handler as never));
    },
  },
  "h3 app.mount": {
    isByOption: false,
    isDecoded: true,
    open(options) {
      const handler = defineRelay(options);
      return overH3(handler.relay, new H3().mount("/ai", handler));
    },
  },
  "h3 without Node's server": {
    isByOption: false,
    isDecoded: true,
    open(options) {
      const handler = defineRelay(options);
      const app = new H3().all("/ai/**", handler as never);
      return overFetch(handler.relay, (request) => app.fetch(request));
    },
  },
  "a middleware of h3 for every path": {
    isByOption: true,
    open(options) {
      const handler = defineRelay(options);
      return overH3(
        handler.relay,
        new H3().use(handler as never).all("/**", () => "the site"),
      );
    },
  },
  "the fetch of an h3 handler": {
    isByOption: true,
    open(options) {
      const handler = defineRelay(options);
      return overFetch(handler.relay, handler.fetch);
    },
  },
  "h3 1": {
    isByOption: false,
    open(options) {
      const handler = onH3V1(options);
      return overNode(handler.relay, likeH3V1(handler));
    },
  },
  "node:http": {
    isByOption: true,
    open(options) {
      const handler = onNode(options);
      // Not the listener itself: a server whose listener is a relay starts it.
      return overNode(handler.relay, (message, response) => void handler(message, response));
    },
  },
  "a router as Express": {
    isByOption: false,
    open(options) {
      const handler = onNode(options);
      return overNode(handler.relay, (message, response) => {
        const whole = message.url!;
        if (!/^\/ai(?:[/?]|$)/.test(whole)) return void response.writeHead(404).end();
        const cut = whole.slice("/ai".length);
        Object.assign(message, { originalUrl: whole, url: cut[0] === "/" ? cut : `/${cut}` });
        void handler(message, response);
      });
    },
  },
  Bun: {
    isByOption: true,
    open(options) {
      const { relay, fetch } = onBun(options);
      return overFetch(relay, (request) => fetch(request));
    },
  },
  Deno: {
    isByOption: true,
    open(options) {
      const { relay, fetch } = onDeno(options);
      return overFetch(relay, (request) => fetch(request));
    },
  },
  Workers: {
    isByOption: true,
    open(options) {
      const { relay, fetch } = onCloudflare(options);
      return overFetch(relay, (request) => fetch(request, {}, WORKER));
    },
  },
};
