import { afterEach, expect, it } from "vitest";
import type { RouteEvent } from "../../src/observe/hooks.ts";
import {
  makeCredentials,
  type RelayUnderTest,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";

let relay: RelayUnderTest;
afterEach(() => relay.close());

const events: RouteEvent[] = [];
const start = async (options: UnderTestOptions = {}): Promise<void> => {
  events.length = 0;
  relay = await startRelay({ ...options, hooks: { route: (event) => events.push(event) } });
};
const ask = async (headers?: Record<string, string>): Promise<number> => {
  const response = await relay.chat({ headers });
  await response.arrayBuffer();
  return response.status;
};
const chat = { path: "/chat/completions", body: { model: "gpt-4o", stream: true, messages: [] } };
/** The selected credential, on which basis, for which attempt; and why the others were skipped. */
const told = (): unknown[] =>
  events.map(({ attempt, decision: { chosen, candidates } }) => [
    attempt,
    chosen?.credential,
    chosen?.by,
    candidates.flatMap(({ skipped }) => (skipped ? [skipped.why] : [])).join(),
  ]);

it("J4 reports every decision of a request, in agreement with the upstream's ledger", async () => {
  await start({ count: 3 });
  relay.upstream.script(
    { when: { credential: "c1" }, then: { refuse: { kind: "rate-limit", wait: 60_000 } } },
    { when: { credential: "c2", nth: 1 }, then: { cut: "before-headers" } },
  );
  expect(await ask()).toBe(200);
  expect(told()).toEqual([
    [1, "c1", "strategy", ""],
    [2, "c2", "strategy", "cooling"],
    [3, "c2", "again", "cooling"],
  ]);
  expect(relay.upstream.ledger.calls.map(({ credential }) => credential)).toEqual(
    events.map(({ decision }) => decision.chosen!.credential),
  );
  expect(new Set(events.map(({ requestId }) => requestId)).size).toBe(1);
  expect(JSON.stringify(events)).not.toContain("sk-test");
});

it("J4 explains where a request would go now, and changes nothing", async () => {
  await start({ count: 2, scheduling: { sessionKey: "x-session-id" } });
  const where = (headers?: Record<string, string>): unknown =>
    relay.relay.explain({ ...chat, headers })[0]!.chosen;
  expect([where(), where()]).toEqual([
    { credential: "c1", by: "strategy" },
    { credential: "c1", by: "strategy" },
  ]);
  expect(await ask({ "x-session-id": "s" })).toBe(200);
  expect([where(), where({ "x-session-id": "s" })]).toEqual([
    { credential: "c2", by: "strategy" },
    { credential: "c1", by: "session" },
  ]);
  expect(relay.upstream.ledger.total).toBe(1);
  expect(relay.relay.status().credentials.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
});

it("J4 D8 D9 lists every target in order, and why one is closed for all credentials", async () => {
  await start({
    count: 1,
    upstream: { pools: [{ name: "main" }, { name: "spare" }], quotaFallback: true },
    models: { "gpt-4o": { fallback: ["other"] } },
    limits: { circuitAfter: 1, maxAttempts: 1 },
  });
  const places = (): unknown[] =>
    relay.relay
      .explain(chat)
      .map(({ model, pool, closed, chosen }) => [model, pool, closed?.why, chosen?.credential]);
  expect(places()).toEqual([
    ["gpt-4o", "main", undefined, "c1"],
    ["gpt-4o", "spare", undefined, "c1"],
    ["other", "main", undefined, "c1"],
    ["other", "spare", undefined, "c1"],
  ]);
  relay.upstream.script({ then: { refuse: "server-error" } });
  await ask();
  expect(places()[0]).toEqual(["gpt-4o", "main", "down", undefined]);
});

it("J4 L7 rejects a request that would be rejected", async () => {
  await start();
  expect(() => relay.relay.explain({ path: "/chat/completions", body: {} })).toThrow(
    expect.objectContaining({ code: "ERR_RELAY_MODEL_MISSING" }),
  );
  expect(relay.relay.explain({ path: "/models", method: "GET" })[0]).toMatchObject({ model: "*" });
});

it("J4 A5 shows a session that waits for its own credential", async () => {
  await start({
    credentials: makeCredentials(2),
    scheduling: { sessionKey: "x-session-id", mode: "cache-first" },
    limits: { deadline: 1_000 },
    streaming: { commitAfter: false },
  });
  await ask({ "x-session-id": "s" });
  relay.upstream.script({
    when: { nth: 1 },
    then: { refuse: { kind: "rate-limit", wait: 30_000 } },
  });
  const waiting = ask({ "x-session-id": "s" });
  await relay.upstream.ledger.until((ledger) => ledger.total === 2 && ledger.inFlight === 0);
  await relay.clock.settle();
  const [first] = relay.relay.explain({ ...chat, headers: { "x-session-id": "s" } });
  expect(first).toMatchObject({
    chosen: undefined,
    closed: { why: "held", expiresAt: new Date(relay.clock.now() + 30_000).toISOString() },
  });
  await relay.clock.advance(1_000);
  expect(await waiting).toBe(504);
});
