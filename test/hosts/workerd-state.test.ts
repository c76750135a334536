/** What requests of one Worker share although each has its own lifetime: the state's load, its writes, and waits that others end. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { copyApp, installedAt, isNotInstalled } from "./support/apps.ts";
import { ask } from "./support/client.ts";
import { setStage, type Stage } from "./support/stage.ts";
import { bundleWorker } from "./support/worker.ts";

describe.skipIf(isNotInstalled("workerd", ".bin/workerd"))("state on workerd", () => {
  let store: Store;
  let stage: Stage;
  let GRANT: string;
  let ASK: string;
  beforeEach(async () => {
    store = await createStore();
    GRANT = "";
    ASK = "";
  });

  async function start(): Promise<void> {
    stage = await setStage({
      mount: "/deep/ai",
      async prepare(app, env) {
        const path = copyApp(app, "worker-store.mjs");
        const config = await bundleWorker(app.app, path, {
          ...env,
          STORE_URL: store.url,
          GRANT,
          ASK,
        });
        return {
          command: installedAt("workerd", ".bin/workerd"),
          args: (port) => ["serve", config, `-shttp=127.0.0.1:${port}`],
          cwd: app.app,
        };
      },
    });
    if (GRANT !== "") stage.upstream.grants.create("grant", GRANT);
  }

  afterEach(async () => {
    await stage.close();
    store.close();
  });

  it("L4 K15 serves all requests that wait for one load, though the request that began it has ended", async () => {
    await start();
    const first = ask(stage.url, "m");
    await store.asked;
    const others = Array.from({ length: 5 }, () => ask(stage.url, "m").rest());
    first.leave();
    store.open();
    for (const body of await Promise.all(others)) expect(body.toString()).toContain("[DONE]");
    expect((await ask(stage.url, "m").rest()).toString()).toContain("[DONE]");
  });

  it("L4 L13 runs an asynchronous factory once for all waiting requests, though the request that began it has ended", async () => {
    ASK = "yes";
    await start();
    const first = ask(stage.url, "m");
    await store.asked;
    const others = Array.from({ length: 5 }, () => ask(stage.url, "m").rest());
    first.reset();
    store.open();
    for (const body of await Promise.all(others)) expect(body.toString()).toContain("[DONE]");
    // Once for the options, once for the state.
    expect(store.listed).toBe(2);
  });

  it("L4 K1 writes a cooldown though its request has ended", async () => {
    await start();
    store.open();
    stage.upstream.script({
      when: { model: "limited", first: 1 },
      then: { refuse: { kind: "rate-limit", wait: 60_000 } },
    });
    await ask(stage.url, "limited").rest();
    await store.written;
    expect([...store.items.keys()].some((key) => key.startsWith("relay:"))).toBe(true);
  });

  it("L4 G5 G10 refreshes once for all requests that need the token, though the request that began it has ended", async () => {
    GRANT = "refresh-grant-planted";
    await start();
    store.open();
    const { upstream, url } = stage;
    upstream.script({ when: { operation: "oauth-token" }, then: { delay: 400 } });
    const first = ask(url, "m");
    await upstream.ledger.until(({ inFlight }) => inFlight === 1);
    const others = Array.from({ length: 5 }, () => ask(url, "m").rest());
    first.reset();
    for (const body of await Promise.all(others)) expect(body.toString()).toContain("[DONE]");
    expect(upstream.ledger.refreshes).toMatchObject({ attempts: 1, refreshed: 1 });
  });

  it("L4 G7 G10 stores a token whose refresh was begun for a client that has left, with no other request waiting", async () => {
    GRANT = "refresh-grant-planted";
    await start();
    store.open();
    const { upstream, url } = stage;
    upstream.script({ when: { operation: "oauth-token" }, then: { delay: 400 } });
    const first = ask(url, "m");
    await upstream.ledger.until(({ inFlight }) => inFlight === 1);
    first.reset();
    await store.tokenWritten;
    expect((await ask(url, "m").rest()).toString()).toContain("[DONE]");
    expect(upstream.ledger.refreshes).toMatchObject({ attempts: 1, refreshed: 1 });
  });

  it("L4 K15 tries a failed load again at a later request", async () => {
    await start();
    store.open();
    stage.upstream.script({ then: { refuse: { kind: "rate-limit", wait: 3_600_000 } } });
    await ask(stage.url, "spent").rest();
    await vi.waitFor(() => expect(cooldownsIn(store)).toBe(2), WAIT);
    await stage.close();
    store.isDown = true;
    await start();
    expect((await ask(stage.url, "spent").head).statusCode).toBe(200);
    store.isDown = false;
    // Each is five seconds later than the one before by the Worker's clock.
    const headers = { "x-later": "5000" };
    await vi.waitFor(async () => {
      expect((await ask(stage.url, "spent", { headers }).head).statusCode).toBe(429);
    }, WAIT);
  });

  it.each(["drain", "detach"])(
    "L4 I12 continues by itself after a client that has left: %s",
    async (policy) => {
      await start();
      store.open();
      const { upstream, url, host } = stage;
      upstream.script({ then: { interval: 30, events: 20 } });
      const asking = ask(url, "left", { headers: { "x-policy": policy } });
      await asking.until((text) => text.split("data:").length > 3);
      asking.reset();
      const end = await host.ended(({ model }) => model === "left");
      expect(upstream.ledger.last()).toMatchObject({ end: "completed", whole: true });
      expect(end).toMatchObject({ reason: policy === "drain" ? "client_gone_mid" : "completed" });
    },
  );
});

const WAIT = { timeout: 5_000 };

const cooldownsIn = ({ items }: Store): number =>
  [...items.values()].filter((value) => value.includes("RATE_LIMIT_EXCEEDED")).length;

interface Store {
  url: string;
  items: Map<string, string>;
  /** Resolves when the keys have been requested. */
  asked: Promise<void>;
  /** Number of requests for the keys. */
  listed: number;
  /** Resolves when a cooldown has been written. */
  written: Promise<void>;
  /** Resolves when a token has been written. */
  tokenWritten: Promise<void>;
  /** Answers 503 while true. */
  isDown: boolean;
  /** Answers the pending and all later requests. */
  open(): void;
  close(): void;
}

async function createStore(): Promise<Store> {
  const items = new Map<string, string>();
  const [asked, ask] = signal();
  const [written, write] = signal();
  const [tokenWritten, writeToken] = signal();
  const [opened, open] = signal();
  const server: Server = createServer(async (request, response) => {
    const key = decodeURIComponent(request.url!.replace("/item/", ""));
    if (store.isDown) response.writeHead(503).end();
    else if (request.url === "/keys") {
      ask();
      store.listed++;
      await opened;
      response.end(JSON.stringify([...items.keys()]));
    } else if (request.method === "PUT") {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      items.set(key, body);
      if (body.includes("RATE_LIMIT_EXCEEDED")) write();
      if (key.startsWith("relay:t:")) writeToken();
      response.end();
    } else response.end(items.get(key) ?? "null");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const store: Store = {
    url,
    items,
    asked,
    listed: 0,
    written,
    tokenWritten,
    isDown: false,
    open,
    close: () => void server.close(),
  };
  return store;
}

function signal(): [Promise<void>, () => void] {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => (resolve = settle));
  return [promise, resolve];
}
