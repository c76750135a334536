import { createStorage } from "unstorage";
import { afterEach, expect, it } from "vitest";
import { createSimulator, type Behaviour } from "../../simulator/index.ts";
import {
  makeCredentials,
  type RelayUnderTest,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";

const DAY = 86_400_000;
const MINUTE = 60_000;

let relay: RelayUnderTest;
afterEach(() => relay.close());

const start = async (options?: UnderTestOptions): Promise<void> => {
  relay = await startRelay({ count: 1, limits: { maxWait: 0 }, ...options });
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
/** The responses to the first call, and to the second. */
const script = (first: Behaviour, second: Behaviour = {}): void =>
  relay.upstream.script({ when: { nth: 1 }, then: first }, { when: { nth: 1 }, then: second });
const scriptAll = (then: Behaviour): void => relay.upstream.script({ then });
const ask = async (): Promise<number> => {
  const response = await relay.chat();
  await response.arrayBuffer();
  return response.status;
};
const askMany = (count: number): Promise<number[]> =>
  Promise.all(Array.from({ length: count }, ask));

/** A cooldown of the backoff has ended; the upstream holds the next call, the probe. */
async function onTrial(then: Behaviour = {}): Promise<{ trial: Promise<number> }> {
  script(quota(), { stall: "before-headers", ...then });
  expect(await ask()).toBe(429);
  await relay.clock.advance(MINUTE);
  const trial = ask();
  await relay.upstream.ledger.until((ledger) => ledger.total === 2);
  return { trial };
}

it("F4 admits one probe when a backoff cooldown has ended, and its first payload opens the key", async () => {
  await start();
  const { trial } = await onTrial();
  expect(await askMany(5)).toEqual([429, 429, 429, 429, 429]);
  expect(total()).toBe(2);
  relay.upstream.release();
  expect(await trial).toBe(200);
  // Two at first, then twice as many (F8).
  expect(await askMany(2)).toEqual([200, 200]);
  expect(await askMany(4)).toEqual([200, 200, 200, 200]);
});

it("F4 E2 lets requests wait, where they may, until the probe has a result", async () => {
  await start({ limits: { maxWait: 10_000 } });
  script(quota(), { stall: "before-headers" });
  expect(await ask()).toBe(429);
  await relay.clock.advance(MINUTE);
  const answers = Array.from({ length: 4 }, ask);
  await relay.upstream.ledger.until((ledger) => ledger.total === 2);
  await relay.clock.settle();
  expect(total()).toBe(2);
  relay.upstream.release();
  expect(await Promise.all(answers)).toEqual([200, 200, 200, 200]);
});

it("F4 C7 closes one step higher when the probe fails", async () => {
  await start();
  const { trial } = await onTrial(quota());
  relay.upstream.release();
  expect(await trial).toBe(429);
  expect(relay.relay.status().cooldowns).toMatchObject([{ incidents: 2, retryAfter: 300 }]);
  expect(await ask()).toBe(429);
  expect(total()).toBe(2);
});

it("F4 admits another probe when the first has had no result within 60 s", async () => {
  await start({ streaming: { firstByteTimeout: 5 * MINUTE } });
  const { trial } = await onTrial();
  await relay.clock.advance(MINUTE - 1);
  expect(await ask()).toBe(429);
  expect(total()).toBe(2);
  await relay.clock.advance(1);
  expect(await ask()).toBe(200);
  relay.upstream.release();
  await trial;
});

it("F4 admits another probe at once when the client of the first has left", async () => {
  await start();
  script(quota(), { stall: "before-headers" });
  expect(await ask()).toBe(429);
  await relay.clock.advance(MINUTE);
  const leaving = new AbortController();
  const gone = relay.chat({ signal: leaving.signal }).catch(() => "gone");
  await relay.upstream.ledger.until((ledger) => ledger.total === 2);
  leaving.abort();
  await gone;
  await relay.ended(2);
  expect(await ask()).toBe(200);
});

it("F4 admits one probe for all credentials where they share the cooldown", async () => {
  await start({ count: 3, limits: { maxWait: 0, maxAttempts: 1 } });
  script({ refuse: "capacity" }, { stall: "before-headers" });
  expect(await ask()).toBe(503);
  const [window] = relay.relay.status().cooldowns;
  await relay.clock.advance(window!.retryAfter * 1_000);
  const trial = ask();
  await relay.upstream.ledger.until((ledger) => ledger.total === 2);
  expect(await askMany(3)).not.toContain(200);
  expect(total()).toBe(2);
  relay.upstream.release();
  expect(await trial).toBe(200);
  expect(await askMany(2)).toEqual([200, 200]);
  expect(await askMany(3)).toEqual([200, 200, 200]);
});

it("F4 F8 ends a cooldown that the upstream stated without a probe: further requests follow although no answer comes", async () => {
  await start({ limits: { maxWait: 10_000 } });
  script(quota(MINUTE));
  expect(await ask()).toBe(429);
  scriptAll({ stall: "before-headers" });
  await relay.clock.advance(MINUTE);
  const answers = Array.from({ length: 5 }, ask);
  for (const count of [2, 4, 6]) {
    await relay.upstream.ledger.until((ledger) => ledger.total === count);
    await relay.clock.settle();
    expect(total()).toBe(count);
    await relay.clock.advance(1_000);
  }
  relay.upstream.release();
  expect(await Promise.all(answers)).toEqual([200, 200, 200, 200, 200]);
});

it("C4 F4 tries a wait of 18 days once after the maximum of a day, and closes for another day", async () => {
  await start();
  scriptAll(quota(18 * DAY));
  expect(await ask()).toBe(429);
  await relay.clock.advance(DAY - 1);
  expect(await askMany(3)).toEqual([429, 429, 429]);
  expect(total()).toBe(1);
  await relay.clock.advance(1);
  expect(await askMany(10)).toEqual(Array(10).fill(429));
  expect(total()).toBe(2);
  expect(relay.relay.status().cooldowns).toMatchObject([{ retryAfter: 86_400 }]);
});

it("F4 K12 admits one probe after a restart, too", async () => {
  const credentials = makeCredentials(1);
  const storage = createStorage();
  const keep = await createSimulator({ keys: { c1: credentials[0]!.apiKey! } });
  await start({ credentials, storage, keep });
  script(quota(), { stall: "before-headers" });
  expect(await ask()).toBe(429);
  const { clock } = relay;
  await relay.close();
  await start({ credentials, storage, keep, clock });
  expect(await ask()).toBe(429);
  await clock.advance(MINUTE);
  const trial = ask();
  await keep.ledger.until((ledger) => ledger.total === 2);
  expect(await askMany(3)).toEqual([429, 429, 429]);
  expect(total()).toBe(2);
  keep.release();
  expect(await trial).toBe(200);
  await relay.close();
  await keep.close();
  await start();
});
