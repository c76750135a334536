import { afterEach, beforeEach, expect, it } from "vitest";
import { createSimulator } from "../../simulator/index.ts";
import type { Simulator } from "../../simulator/index.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import type { VirtualClock } from "../support/virtual-clock.ts";
import { ask, CHAT } from "./client.ts";

let upstream: Simulator;
let clock: VirtualClock;
beforeEach(async () => {
  clock = createVirtualClock();
  upstream = await createSimulator({ clock, keep: 3 });
});
afterEach(() => upstream.close());

it("records the credential and the request", async () => {
  await ask(upstream, CHAT, { path: "/v1/chat/completions?x=1", headers: { "x-planted": "one" } });
  const call = upstream.ledger.last();
  expect(call).toMatchObject({
    id: 1,
    method: "POST",
    path: "/v1/chat/completions",
    query: "?x=1",
  });
  expect(call).toMatchObject({
    credential: "c1",
    secret: "sk-one",
    model: "gpt-5",
    stream: true,
    at: clock.now(),
  });
  expect(call?.headers["x-planted"]).toBe("one");
  expect(call?.json).toEqual(CHAT);
  expect(call?.bodyBytes).toBe(JSON.stringify(CHAT).length);
});

it("reads secrets wherever a dialect puts them", async () => {
  const headers = { authorization: "" };
  await ask(upstream, CHAT, { headers: { ...headers, "x-api-key": "one" } });
  await ask(upstream, CHAT, { headers: { ...headers, "x-goog-api-key": "two" } });
  await ask(upstream, CHAT, { headers, path: "/v1/chat/completions?key=three" });
  expect(upstream.ledger.calls.map((call) => call.secret)).toEqual(["one", "two", "three"]);
});

it("records times by the injected clock, pacing included", async () => {
  upstream.script({ then: { events: 2, interval: 1000, delay: 500 } });
  const body = ask(upstream, CHAT).then((response) => response.text());
  const call = await upstream.ledger.next(() => true);
  const startedAt = clock.now();
  await clock.advance(500);
  await upstream.ledger.until(() => call.status === 200);
  // Role, two texts, stop and [DONE] make four pauses.
  for (let pause = 0; pause < 4; pause++) await clock.advance(1000);
  await body;
  await upstream.ledger.until(() => !call.open);
  expect(call.firstByteAt).toBe(startedAt + 500);
  expect(call.endedAt).toBe(startedAt + 4500);
  expect(clock.pending()).toBe(0);
});

it("sends comments while it is stalled", async () => {
  upstream.script({ then: { stall: "after-headers", keepalive: 1000 } });
  const body = ask(upstream, CHAT).then((response) => response.text());
  await upstream.ledger.next((call) => call.stalled);
  await clock.advance(3500);
  upstream.release();
  expect((await body).match(/^: keepalive\n\n/gm)).toHaveLength(3);
  expect(clock.pending()).toBe(0);
});

it("rejects with the error of a condition that throws", async () => {
  const waiting = upstream.ledger.until((ledger) => {
    if (ledger.total > 0) throw new Error("wrong condition");
    return false;
  });
  const rejected = expect(waiting).rejects.toThrow("wrong condition");
  expect((await ask(upstream, CHAT)).status).toBe(200);
  await rejected;
});

it("cancels its pauses when the client leaves", async () => {
  upstream.script({ then: { interval: 1000 } });
  const controller = new AbortController();
  const response = await ask(upstream, CHAT, { signal: controller.signal });
  await clock.settle();
  controller.abort();
  await upstream.ledger.next((call) => !call.open);
  expect(response.status).toBe(200);
  expect(clock.pending()).toBe(0);
});

it("measures when a client left, on the monotonic clock", async () => {
  upstream.script({ then: { stall: { afterEvents: 1 } } });
  const controller = new AbortController();
  await ask(upstream, CHAT, { signal: controller.signal });
  await upstream.ledger.next((call) => call.stalled);
  const leftAt = performance.now();
  controller.abort();
  const call = await upstream.ledger.next((one) => !one.open);
  expect(call.timing.closed).toBeGreaterThanOrEqual(leftAt);
  expect(call.timing.closed).toBeLessThanOrEqual(performance.now());
  expect(call).toMatchObject({ end: "client closed", events: 1, whole: false });
});

it("counts calls in flight", async () => {
  upstream.script({ then: { stall: "before-headers" } });
  const answers = [1, 2, 3].map(() => ask(upstream, CHAT));
  await upstream.ledger.until((ledger) => ledger.calls.filter((call) => call.stalled).length === 3);
  expect(upstream.ledger.inFlight).toBe(3);
  upstream.release();
  await Promise.all((await Promise.all(answers)).map((answer) => answer.text()));
  await upstream.ledger.until((ledger) => ledger.inFlight === 0);
  expect(upstream.ledger.maxInFlight).toBe(3);
});

it("counts by credential, model and status beyond the calls it keeps", async () => {
  upstream.script({ when: { first: 2 }, then: { refuse: "rate-limit" } });
  for (let i = 0; i < 10; i++) await (await ask(upstream, CHAT)).arrayBuffer();
  await (await ask(upstream, { ...CHAT, model: "other" }, { key: "sk-two" })).arrayBuffer();
  await upstream.ledger.until((ledger) => ledger.inFlight === 0);
  expect(upstream.ledger.calls.length).toBeLessThan(7);
  expect(upstream.ledger.total).toBe(11);
  expect(upstream.ledger.totals("c1", "gpt-5")).toEqual({
    calls: 10,
    statuses: { 200: 8, 429: 2 },
  });
  expect(upstream.ledger.byCredential()).toEqual({ c1: 10, c2: 1 });
  expect(upstream.ledger.byCredential("other")).toEqual({ c2: 1 });
});

it("keeps a call that is still open, however many follow it", async () => {
  upstream.script({ when: { first: 1 }, then: { stall: "before-headers" } });
  const slow = ask(upstream, CHAT);
  const call = await upstream.ledger.next((one) => one.stalled);
  for (let i = 0; i < 10; i++) await (await ask(upstream, CHAT)).arrayBuffer();
  expect(upstream.ledger.calls).toContain(call);
  upstream.release();
  await (await slow).arrayBuffer();
});

it("drops all on reset, except calls in progress", async () => {
  await (await ask(upstream, CHAT)).arrayBuffer();
  upstream.script({ then: { stall: "before-headers" } });
  const answer = ask(upstream, CHAT);
  await upstream.ledger.next((call) => call.stalled);
  upstream.ledger.reset();
  expect(upstream.ledger).toMatchObject({ total: 0, inFlight: 1, maxInFlight: 1 });
  expect(upstream.ledger.calls).toHaveLength(1);
  upstream.release();
  await (await answer).arrayBuffer();
});

it("rejects all waits when the simulator closes", async () => {
  const waiting = upstream.ledger.next((call) => call.id === 99);
  const rejected = expect(waiting).rejects.toThrow("closed during a wait");
  await upstream.close();
  await rejected;
});

it("leaves nothing open when it closes in the middle of an answer", async () => {
  upstream.script({ then: { stall: "before-headers" } });
  const gone = ask(upstream, CHAT).catch(() => "gone");
  const call = await upstream.ledger.next((one) => one.stalled);
  await upstream.close();
  expect(await gone).toBe("gone");
  expect(call.open).toBe(false);
});
