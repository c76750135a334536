import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { defineRelay, type NodeRelay } from "../../adapters/node.ts";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import type { OneUpstream } from "../../src/index.ts";
import { makeCredentials } from "../support/relay.ts";

let upstream: Simulator;
let relay: NodeRelay;
let server: Server;
beforeEach(async () => void (upstream = await createSimulator()));
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await relay.close();
  await upstream.close();
});

function define(options: Partial<OneUpstream> = {}): NodeRelay {
  return (relay = defineRelay(() => ({
    upstream: { baseURL: `${upstream.url}/v1`, dialect: "openai" },
    credentials: makeCredentials(1),
    log: false,
    ...options,
  })));
}

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function post(url: string): Promise<Response> {
  const body = JSON.stringify({ model: "m", messages: [] });
  return fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
}

it("L3 L7 relays requests under its mount, and answers others with a 404 that names the mount", async () => {
  const url = await serve(define({ mount: "/a/ai" }));
  expect((await post(`${url}/a/ai/chat/completions?x=1`)).status).toBe(200);
  expect(upstream.ledger.last()).toMatchObject({ path: "/v1/chat/completions", query: "?x=1" });
  for (const path of ["/a/aix/chat/completions", "/chat/completions", "/a"]) {
    const answer = await post(url + path);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      error: { code: "ERR_RELAY_MOUNT", message: expect.stringContaining("/a/ai") as string },
    });
  }
  expect(upstream.ledger.total).toBe(1);
});

it("L3 passes requests outside its mount to the next handler", async () => {
  define({ mount: "/ai" });
  const url = await serve((message, response) => {
    void relay(message, response, () => response.end("next"));
  });
  expect(await (await post(`${url}/other`)).text()).toBe("next");
  expect((await post(`${url}/ai/chat/completions`)).status).toBe(200);
});

it("L3 L7 is mounted where a router has removed the path, and keeps the client's own tail", async () => {
  define();
  const url = await serve((message, response) => {
    const whole = message.url!;
    Object.assign(message, { originalUrl: whole, url: whole.slice("/deep/ai".length) });
    void relay(message, response);
  });
  await fetch(`${url}/deep/ai/models/a%20b?q=%2F`);
  expect(upstream.ledger.last()).toMatchObject({ path: "/v1/models/a%20b", query: "?q=%2F" });
  const doubled = await post(`${url}/deep/ai/v1/v1/chat/completions`);
  expect(await doubled.text()).toContain("Then the request goes to /deep/ai/chat/completions.");
});

it("L3 reports a body that a parser has already read", async () => {
  define({ mount: "/ai" });
  const url = await serve((message, response) => {
    message.resume().on("end", () => void relay(message, response));
  });
  const answer = await post(`${url}/ai/chat/completions`);
  expect(answer.status).toBe(500);
  expect(await answer.text()).toContain("ERR_RELAY_BODY_USED");
  expect(upstream.ledger.total).toBe(0);
});

it("N8 keeps headers that the response already has", async () => {
  define({ mount: "/ai" });
  const url = await serve((message, response) => {
    response.setHeader("x-frame-options", "DENY");
    response.setHeader("set-cookie", ["a=1", "b=2"]);
    void relay(message, response);
  });
  const { headers } = await post(`${url}/ai/chat/completions`);
  expect(headers.get("x-frame-options")).toBe("DENY");
  expect(headers.getSetCookie()).toEqual(["a=1", "b=2"]);
});

it("answers 500 while its options' function fails, and gives the reason only in the log", async () => {
  define({ credentials: [{ id: "c1", apiKey: undefined }] });
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  try {
    // Behind a listener of the app's own: a server with the relay as its listener would end the process (L13).
    const answer = await post(await serve((message, response) => void relay(message, response)));
    expect(answer.status).toBe(500);
    expect(await answer.text()).toContain("ERR_RELAY_START");
    expect(log.mock.calls).toEqual([[expect.stringContaining("credentials[0] (c1).apiKey")]]);
  } finally {
    log.mockRestore();
  }
});
