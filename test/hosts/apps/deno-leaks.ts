// Run by `deno test` with both sanitizers: what remains of a relay after `close()`.
import { createRelay, oauth, type RelayOptions } from "h3-relay";
import { defineRelay } from "h3-relay/deno";
import { createSimulator, type Rule, type Simulator } from "h3-relay/simulator";
import { createStorage } from "unstorage";

const request = (stream = true) =>
  new Request("http://app/ai/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-5", stream, messages: [] }),
  });

function optionsOf(baseURL: string, more: Partial<RelayOptions> = {}): RelayOptions {
  return {
    mount: "/ai",
    upstream: { baseURL, dialect: "openai" },
    credentials: [{ id: "one", apiKey: "sk-one" }],
    log: false,
    ...more,
  };
}

function test(
  name: string,
  then: Rule["then"],
  run: (upstream: Simulator, options: RelayOptions) => Promise<void>,
): void {
  Deno.test(name, async () => {
    const upstream = await createSimulator({ rules: [{ then }] });
    await run(upstream, optionsOf(`${upstream.url}/v1`, { streaming: { shutdownGrace: 20 } }));
    await upstream.close();
  });
}

test("a relay that was never asked", {}, async (_, options) => {
  await createRelay(options).close();
});

test("a relay with the log of its own", {}, async (_, options) => {
  await createRelay({ ...options, log: undefined }).close();
});

test("a stream that was read", {}, async (_, options) => {
  const relay = createRelay(options);
  await (await relay.fetch(request())).text();
  await relay.close();
});

test("an answer in one piece", {}, async (_, options) => {
  const relay = createRelay(options);
  await (await relay.fetch(request(false))).json();
  await relay.close();
});

test(
  "a stream that the client has cancelled",
  { stall: { afterEvents: 2 } },
  async (_, options) => {
    const relay = createRelay(options);
    const reader = (await relay.fetch(request())).body!.getReader();
    await reader.read();
    await reader.cancel();
    await relay.close();
  },
);

test("a stream that is open at the close", { stall: { afterEvents: 2 } }, async (_, options) => {
  const relay = createRelay(options);
  const response = await relay.fetch(request());
  await relay.close();
  await response.text();
});

test("a request without an answer yet", { stall: "before-headers" }, async (upstream, options) => {
  const relay = createRelay(options);
  const asked = relay.fetch(request());
  await upstream.ledger.until(({ calls }) => calls.some(({ stalled }) => stalled));
  await relay.close();
  await (await asked).text();
});

test(
  "a request that waits for its credential",
  { refuse: { kind: "rate-limit", wait: 20_000 } },
  async (upstream, options) => {
    const relay = createRelay(options);
    const asked = relay.fetch(request());
    await upstream.ledger.until(({ calls }) => calls.some(({ open }) => !open));
    await relay.close();
    await (await asked).text();
  },
);

test("a storage", {}, async (_, options) => {
  const storage = createStorage();
  const relay = createRelay({ ...options, storage });
  await (await relay.fetch(request())).text();
  await relay.close();
  await storage.dispose();
});

test("a token that is refreshed", {}, async (upstream, options) => {
  const { refreshToken } = upstream.grants.create("one");
  const token = oauth({ tokenURL: `${upstream.url}/oauth/token`, clientId: "app", refreshToken });
  const relay = createRelay({ ...options, credentials: [{ id: "one", token }] });
  await (await relay.fetch(request())).text();
  await relay.close();
});

test("a server", {}, async (_, options) => {
  const relay = defineRelay(options);
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, relay.fetch);
  const answer = await fetch(`http://127.0.0.1:${server.addr.port}/ai/chat/completions`, request());
  await answer.text();
  await Promise.all([relay.close(), server.shutdown()]);
});

Deno.test("a fetch of the test's own", async () => {
  const text = 'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: [DONE]\n\n';
  const headers = { "content-type": "text/event-stream" };
  const fetch = () => Promise.resolve(new Response(text, { headers }));
  const relay = createRelay(optionsOf("http://127.0.0.1:9/v1", { fetch }));
  if ((await (await relay.fetch(request())).text()) !== text) throw new Error("not as sent");
  await relay.close();
});
