import { afterEach, beforeEach, expect, it } from "vitest";
import { createSimulator } from "../../simulator/index.ts";
import type { Simulator } from "../../simulator/index.ts";
import { ask, CHAT } from "./client.ts";

let upstream: Simulator;
beforeEach(async () => {
  upstream = await createSimulator();
});
afterEach(() => upstream.close());

it("streams a chat completion that ends with [DONE]", async () => {
  const response = await ask(upstream, CHAT);
  const text = await response.text();
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
  expect(upstream.ledger.last()).toMatchObject({
    end: "completed",
    events: 8,
    whole: true,
    status: 200,
  });
});

it("sends the same bytes for the same request, and returns them in advance", async () => {
  const first = await (await ask(upstream, CHAT)).text();
  const second = await (await ask(upstream, CHAT)).text();
  const expected = upstream.expectedBody({
    path: "/v1/chat/completions",
    body: JSON.stringify(CHAT),
  });
  expect(second).toBe(first);
  expect(expected.toString()).toBe(first);
  expect(upstream.ledger.calls[0]?.sent?.toString()).toBe(first);
});

it("sends other words for another request or another seed", async () => {
  const body = JSON.stringify(CHAT);
  const path = "/v1/chat/completions";
  const other = await createSimulator({ seed: 2 });
  const bytes = upstream.expectedBody({ path, body });
  expect(other.expectedBody({ path, body })).not.toEqual(bytes);
  expect(upstream.expectedBody({ path, body: `${body} ` })).not.toEqual(bytes);
  await other.close();
});

it("refuses the first call and answers the second with such a rule", async () => {
  upstream.script({ when: { first: 1 }, then: { refuse: { kind: "rate-limit", wait: 3000 } } });
  const first = await ask(upstream, CHAT);
  expect(first.status).toBe(429);
  expect(first.headers.get("retry-after")).toBe("3");
  expect(await first.json()).toMatchObject({ error: { code: "rate_limit_exceeded" } });
  expect((await ask(upstream, CHAT)).status).toBe(200);
});

it("destroys the socket in the middle of the second event", async () => {
  upstream.script({ then: { cut: { inEvent: 2 } } });
  const response = await ask(upstream, CHAT);
  await expect(response.text()).rejects.toThrow("terminated");
  expect(await upstream.ledger.next((call) => !call.open)).toMatchObject({
    end: "cut by us",
    events: 1,
  });
});

it("stops sending after two events until it is released", async () => {
  upstream.script({ then: { stall: { afterEvents: 2 } } });
  const text = ask(upstream, CHAT).then((response) => response.text());
  await upstream.ledger.next((call) => call.events === 2);
  upstream.release();
  expect(await text).toContain("[DONE]");
});

it("records a client that leaves a stalled stream", async () => {
  upstream.script({ then: { stall: "before-headers" } });
  const controller = new AbortController();
  const gone = ask(upstream, CHAT, { signal: controller.signal }).catch(() => "gone");
  const call = await upstream.ledger.next(() => true);
  controller.abort();
  expect(await gone).toBe("gone");
  await upstream.ledger.until((ledger) => ledger.inFlight === 0);
  expect(call.end).toBe("client closed");
});
