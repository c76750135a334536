/** What requests of one Worker share although each has its own life: the state's load, its writes, and waits that others end. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copyApp, installedAt, isNotInstalled } from "./support/apps.ts";
import { ask } from "./support/client.ts";
import { setStage, type Stage } from "./support/stage.ts";
import { bundleWorker } from "./support/worker.ts";

describe.skipIf(isNotInstalled("workerd", ".bin/workerd"))("state on workerd", () => {
  let store: Store;
  let stage: Stage;
  beforeEach(async () => {
    store = await createStore();
    stage = await setStage({
      mount: "/deep/ai",
      async prepare(app, env) {
        const path = copyApp(app, "worker-store.mjs");
        const config = await bundleWorker(app, path, { ...env, STORE_URL: store.url });
        return {
          command: installedAt("workerd", ".bin/workerd"),
          args: (port) => ["serve", config, `-shttp=127.0.0.1:${port}`],
          cwd: app.app,
        };
      },
    });
  }, 30_000);
  afterEach(async () => {
    await stage.close();
    store.close();
  });

  it("L4 K15 serves all that wait for one load, though the request that began it has left", async () => {
    const first = ask(stage.url, "m");
    await store.asked;
    const others = Array.from({ length: 5 }, () => ask(stage.url, "m").rest());
    first.leave();
    store.open();
    for (const body of await Promise.all(others)) expect(body.toString()).toContain("[DONE]");
    expect((await ask(stage.url, "m").rest()).toString()).toContain("[DONE]");
  });

  it("L4 K1 writes a cooldown though its request is over", async () => {
    store.open();
    stage.upstream.script({
      when: { model: "limited", first: 1 },
      then: { refuse: { kind: "rate-limit", wait: 60_000 } },
    });
    await ask(stage.url, "limited").rest();
    await store.written;
    expect([...store.items.keys()].some((key) => key.startsWith("relay:"))).toBe(true);
  });
});

interface Store {
  url: string;
  items: Map<string, string>;
  /** Resolves when the keys have been asked for. */
  asked: Promise<void>;
  /** Resolves when a cooldown has been written. */
  written: Promise<void>;
  /** Answers what was asked and all that comes. */
  open(): void;
  close(): void;
}

async function createStore(): Promise<Store> {
  const items = new Map<string, string>();
  const [asked, ask] = signal();
  const [written, write] = signal();
  const [opened, open] = signal();
  const server: Server = createServer(async (request, response) => {
    const key = decodeURIComponent(request.url!.replace("/item/", ""));
    if (request.url === "/keys") {
      ask();
      await opened;
      response.end(JSON.stringify([...items.keys()]));
    } else if (request.method === "PUT") {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      items.set(key, body);
      if (body.includes("RATE_LIMIT_EXCEEDED")) write();
      response.end();
    } else response.end(items.get(key) ?? "null");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, items, asked, written, open, close: () => void server.close() };
}

function signal(): [Promise<void>, () => void] {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => (resolve = settle));
  return [promise, resolve];
}
