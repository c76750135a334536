/** Typical incidents of credential pools, each judged by the upstream's ledger. */
import { createStorage } from "unstorage";
import { afterEach, expect, it } from "vitest";
import { type Behaviour, createSimulator } from "../../simulator/index.ts";
import {
  makeCredentials,
  type RelayUnderTest,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;

let relay: RelayUnderTest;
afterEach(() => relay.close());

const start = async (options?: UnderTestOptions): Promise<void> => {
  relay = await startRelay(options);
};
const total = (): number => relay.upstream.ledger.total;
const quota = (wait?: number): Behaviour => ({
  reply: {
    status: 429,
    headers: {
      "content-type": "application/json",
      ...(wait && { "retry-after": `${wait / 1_000}` }),
    },
    body: JSON.stringify({ error: { message: "The quota of this model is exhausted." } }),
  },
});
const ask = async (model?: string): Promise<number> => {
  const response = await relay.chat({ model });
  await response.arrayBuffer();
  return response.status;
};
const askMany = (count: number): Promise<number[]> =>
  Promise.all(Array.from({ length: count }, () => ask()));

it("E3 D4 F5 calls five credentials without quota once each, then none for five hours, over a restart too", async () => {
  const credentials = makeCredentials(5);
  const keys = Object.fromEntries(credentials.map(({ id, apiKey }) => [id, apiKey!]));
  const keep = await createSimulator({ keys });
  const storage = createStorage();
  const limits = { maxAttempts: 5 };
  await start({ credentials, storage, keep, limits });
  keep.script({ then: quota(5 * HOUR) });
  expect(await ask()).toBe(429);
  expect(total()).toBe(5);
  await relay.clock.advance(HOUR);
  expect(await askMany(20)).toEqual(Array(20).fill(429));
  const { clock } = relay;
  await relay.close();
  await start({ credentials, storage, keep, limits, clock });
  const answer = await relay.chat();
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, `${4 * 3_600}`]);
  expect(await askMany(20)).toEqual(Array(20).fill(429));
  expect(total()).toBe(5);
  keep.script();
  await clock.advance(4 * HOUR);
  expect(await ask()).toBe(200);
  await relay.close();
  await keep.close();
  await start();
});

it("D1 D4 keeps one model out of quota apart from the others on the same credential", async () => {
  await start({ count: 1, limits: { maxWait: 0 } });
  relay.upstream.script(
    { when: { model: "a", nth: 1 }, then: quota(30_000) },
    { when: { model: "b", nth: 1 }, then: quota(MINUTE) },
  );
  expect([await ask("a"), await ask("b"), await ask("c")]).toEqual([429, 429, 200]);
  await relay.clock.advance(30_000);
  expect([await ask("a"), await ask("b"), await ask("c")]).toEqual([200, 429, 200]);
  await relay.clock.advance(30_000);
  expect([await ask("a"), await ask("b")]).toEqual([200, 200]);
  expect(relay.upstream.ledger.byCredential("b")).toEqual({ c1: 2 });
});

it.each([3, 10])("C6 counts %i concurrent refusals as one incident and one step", async (count) => {
  await start({ count: 1, limits: { maxWait: 0 } });
  relay.upstream.script({ then: { stall: "before-headers", ...quota() } });
  const answers = askMany(count);
  await relay.upstream.ledger.until((ledger) => ledger.total === count);
  relay.upstream.release();
  expect(await answers).toEqual(Array(count).fill(429));
  expect(relay.relay.status().cooldowns).toMatchObject([{ incidents: 1, retryAfter: 60 }]);
  await relay.clock.advance(MINUTE - 1);
  expect(await askMany(count)).toEqual(Array(count).fill(429));
  expect(total()).toBe(count);
});

it("F1 F5 disables a credential permanently for 403s, with a reason, until an operator enables it", async () => {
  const credentials = makeCredentials(2);
  const keys = Object.fromEntries(credentials.map(({ id, apiKey }) => [id, apiKey!]));
  const keep = await createSimulator({ keys });
  const storage = createStorage();
  await start({ credentials, storage, keep });
  keep.script({
    when: { credential: "c1" },
    then: { refuse: { kind: "forbidden", message: "This account has been suspended." } },
  });
  for (let count = 0; count < 8; count++) expect(await ask()).toBe(200);
  const before = keep.ledger.byCredential();
  const { clock } = relay;
  await relay.close();
  await start({ credentials, storage, keep, clock });
  await clock.advance(48 * HOUR);
  for (let count = 0; count < 4; count++) expect(await ask()).toBe(200);
  expect(keep.ledger.byCredential()["c1"]).toBe(before["c1"]);
  expect(relay.relay.status().credentials.find(({ id }) => id === "c1")).toMatchObject({
    disabled: { cause: "forbidden" },
  });
  keep.script();
  relay.relay.credentials.enable("c1");
  for (let count = 0; count < 4; count++) expect(await ask()).toBe(200);
  expect(keep.ledger.byCredential()["c1"]).toBe(before["c1"]! + 2);
  await relay.close();
  await keep.close();
  await start();
});

it("B5 E1 retries a proxy's 524 pages within the budget and disables no credential", async () => {
  await start({ count: 2, limits: { maxAttempts: 3 } });
  relay.upstream.script({ then: { refuse: "html-524" } });
  let isAnswered = false;
  const answer = ask().finally(() => (isAnswered = true));
  while (!isAnswered) await relay.clock.advance(500);
  expect(await answer).toBe(524);
  expect(total()).toBe(3);
  expect(relay.relay.status().cooldowns).toEqual([]);
  relay.upstream.script();
  expect(await askMany(4)).toEqual([200, 200, 200, 200]);
});

it("A13 D7 calls no cooling key in 100 requests, 10 at a time, while credentials are added and removed", async () => {
  const closedAt = new Map<string, number>();
  const wrong: string[] = [];
  await start({ count: 4, limits: { maxWait: 0 } });
  let calls = 0;
  relay.upstream.script({
    then(_, credential) {
      const now = relay.clock.now();
      // In its own round a key may have calls in flight that left before it closed; in later ones it has none.
      const age = now - (closedAt.get(credential) ?? -Infinity);
      if (age > 0 && age < 10_000) wrong.push(credential);
      // Each seventh call closes its key for a while, as scripted.
      if (++calls % 7 !== 0) return {};
      closedAt.set(credential, now);
      return quota(10_000);
    },
  });
  for (let round = 0; round < 10; round++) {
    const answers = await askMany(10);
    expect(answers.every((status) => status === 200 || status === 429)).toBe(true);
    await relay.clock.advance(3_000);
  }
  expect(calls).toBeGreaterThan(50);
  expect(closedAt.size).toBe(4);
  expect(wrong).toEqual([]);
});

it("C9 waits half a second with no other credential, and calls once more", async () => {
  await start({ count: 1 });
  relay.upstream.script({
    when: { nth: 1 },
    then: { refuse: { kind: "rate-limit", wait: 500, hints: ["retry-after-ms"] } },
  });
  const answer = ask();
  await relay.upstream.ledger.until((ledger) => ledger.total === 1);
  await relay.clock.settle();
  await relay.clock.advance(599);
  expect(total()).toBe(1);
  await relay.clock.advance(1);
  expect(await answer).toBe(200);
  expect(total()).toBe(2);
});
