/** E3 in each dialect: the error in the format that the client's library reads. */
import { H3, serve } from "h3";
import { afterEach, expect, it } from "vitest";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { defineRelay, type DialectName, type RelayHandler } from "../../src/index.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function start(
  dialect: DialectName,
  base: string,
): Promise<{ url: string; upstream: Simulator }> {
  const upstream = await createSimulator({ keys: { c1: "sk-test-c1-0123456789" } });
  ends.push(() => upstream.close());
  const handler: RelayHandler = defineRelay({
    upstream: { baseURL: upstream.url + base, dialect },
    credentials: [{ id: "c1", apiKey: "sk-test-c1-0123456789" }],
    limits: { maxWait: 0 },
    clock: createVirtualClock(),
    log: false,
  });
  ends.push(() => handler.relay.close());
  const server = serve(new H3().all("/ai/**", handler as never), {
    port: 0,
    hostname: "127.0.0.1",
    silent: true,
  });
  ends.push(() => server.close(true));
  await server.ready();
  return { url: `${server.url}ai`, upstream };
}

const LIMITED = {
  type: "rate_limit_exceeded",
  code: "ERR_RELAY_LIMITED",
  upstream: "default",
  retry_after: 45,
};

it.each<[DialectName, string, string, object]>([
  ["openai", "/v1", "/chat/completions", { error: { ...LIMITED, model: "m-1" } }],
  ["generic", "/v1", "/chat/completions", { error: { ...LIMITED, model: "m-1" } }],
  ["anthropic", "/v1", "/messages", { type: "error", error: { ...LIMITED, model: "m-1" } }],
  [
    "google",
    "/v1beta",
    "/models/m-1:streamGenerateContent?alt=sse",
    {
      error: {
        ...LIMITED,
        model: "m-1",
        code: 429,
        status: "RESOURCE_EXHAUSTED",
        reason: "ERR_RELAY_LIMITED",
      },
    },
  ],
])("E3 sends an error in the format of the %s dialect", async (dialect, base, path, expected) => {
  const { url, upstream } = await start(dialect, base);
  upstream.script({
    when: {},
    then: { refuse: { kind: "rate-limit", wait: 45_000, hints: ["retry-after"] } },
  });
  const ask = (): Promise<Response> =>
    fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json", "anthropic-version": "2023-06-01" },
      body: JSON.stringify({
        model: "m-1",
        stream: true,
        max_tokens: 1,
        messages: [{ role: "user", content: "?" }],
        contents: [],
      }),
    });
  await (await ask()).arrayBuffer();
  expect(upstream.ledger.total).toBe(1);
  const response = await ask();
  expect(response.status).toBe(429);
  expect(response.headers.get("content-type")).toContain("application/json");
  expect(response.headers.get("retry-after")).toBe("45");
  expect(response.headers.has("x-should-retry")).toBe(false);
  const body = (await response.json()) as { error: { message: string } };
  expect(body).toMatchObject(expected);
  expect(body.error.message).toMatch(/m-1.*45 s/);
  expect(upstream.ledger.total).toBe(1);
});
