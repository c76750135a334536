/** Scale: a hundred instances on one store, and a start with a hundred thousand credentials (M1, K11). */
import type { Storage } from "unstorage";
import { afterEach, describe, expect, it } from "vitest";
import type { State } from "../../src/contract/state.ts";
import { createState } from "../../src/state/create-state.ts";
import { createRealClock } from "../support/real-clock.ts";
import { HOUR, cooldown, createBench } from "./fixtures.ts";
import { createFailing } from "./storages.ts";
import { noPostgres, noRedis, postgresPlace, redisPlace } from "./stores.ts";

const INSTANCES = 100;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

it("M1 a hundred instances on plain values receive each other's changes within seconds, with few calls each", async () => {
  const { storage, calls } = createFailing();
  const values = { ...storage, getMount: () => ({ driver: { name: "http" } }) };
  const benches = Array.from({ length: INSTANCES }, () => createBench({ storage: values }));
  const heard = benches.map(() => new Map<string, number>());
  const moveOn = async (ms: number): Promise<void> => {
    await Promise.all(benches.map(({ clock }) => clock.advance(ms)));
  };
  await Promise.all(
    benches.map(({ state, clock }, at) => {
      state.follow(({ cooldowns }) => {
        for (const { key } of cooldowns) {
          if (!heard[at]!.has(key.credential)) heard[at]!.set(key.credential, clock.now());
        }
      });
      return state.load();
    }),
  );
  // All add themselves to one list, without a lock.
  for (let second = 0; second < 20; second++) await moveOn(1_000);
  const startedAt = benches[0]!.clock.now();
  for (const [at, { state }] of benches.entries()) state.putCooldown(cooldown(`c${at}`));
  for (let tenth = 0; tenth < 40; tenth++) await moveOn(100);
  for (const one of heard) expect(one.size).toBe(INSTANCES - 1);
  const delays = heard.flatMap((one) => [...one.values()].map((at) => at - startedAt));
  expect(Math.max(...delays)).toBeLessThanOrEqual(2_100);

  calls.clear();
  for (let second = 0; second < 10; second++) await moveOn(1_000);
  const total = [...calls.values()].reduce((sum, count) => sum + count, 0);
  expect(total / INSTANCES / 10).toBeLessThanOrEqual(1.1);
  await Promise.all(benches.map(({ state }) => state.close()));
}, 60_000);

interface Spread {
  p50: number;
  max: number;
}

/** A hundred states on one connection. Returns how long a change of one takes to reach all others, ms. */
async function spreadOn(storage: Storage, rounds: number): Promise<Spread> {
  const delays: number[] = [];
  let startedAt = 0;
  let missing = 0;
  let done = (): void => {};
  const states: State[] = Array.from({ length: INSTANCES }, () =>
    createState({
      storage: storage as never,
      base: "relay",
      clock: createRealClock(),
      random: Math.random,
      log: silent,
    }),
  );
  closing.push(() => Promise.all(states.map((state) => state.close())));
  for (const state of states) {
    state.follow(({ cooldowns }) => {
      if (cooldowns.length === 0) return;
      delays.push(performance.now() - startedAt);
      if ((missing -= 1) === 0) done();
    });
    await state.load();
  }
  for (let round = 0; round < rounds; round++) {
    missing = INSTANCES - 1;
    const all = new Promise<void>((resolve) => (done = resolve));
    startedAt = performance.now();
    const now = Date.now();
    states[round % INSTANCES]!.putCooldown(
      cooldown(`r${round}`, { until: now + HOUR, writtenAt: now }),
    );
    await all;
  }
  delays.sort((a, b) => a - b);
  return { p50: delays[delays.length >> 1]!, max: delays.at(-1)! };
}

function report(what: string, figures: Record<string, number>): void {
  if (process.env["SCALE"] === "1")
    process.stderr.write(
      `${what}: ${Object.entries(figures)
        .map(([name, it]) => `${name} ${it.toFixed(1)}`)
        .join(", ")}\n`,
    );
}

describe.skipIf(noRedis)("with Redis", () => {
  it("M1 a hundred instances on Redis receive a change within a second", async () => {
    const place = redisPlace();
    closing.push(() => place.dispose());
    const spread = await spreadOn(place.open(), 20);
    report("spread, Redis", { ...spread });
    expect(spread.p50).toBeLessThan(1_000);
  }, 60_000);

  it("M1 calls Redis at most four times a second", async () => {
    const place = redisPlace();
    closing.push(() => place.dispose());
    const storage = place.open();
    let calls = 0;
    const client = (
      storage.getMount("").driver as { getInstance(): { multi: (...args: unknown[]) => unknown } }
    ).getInstance();
    const multi = client.multi.bind(client);
    client.multi = (...args) => ((calls += 1), multi(...args));
    const state = createState({
      storage: storage as never,
      base: "relay",
      clock: createRealClock(),
      random: Math.random,
      log: silent,
    });
    state.follow(() => {});
    await state.load();
    calls = 0;
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    report("idle calls, Redis", { "per second": calls / 3 });
    expect(calls).toBeGreaterThan(3);
    expect(calls / 3).toBeLessThanOrEqual(4);
    await state.close();
  }, 20_000);
});

describe.skipIf(noPostgres)("with PostgreSQL", () => {
  it("M1 a hundred instances on PostgreSQL receive a change within a second", async () => {
    const place = postgresPlace();
    closing.push(() => place.dispose());
    const spread = await spreadOn(place.open(), 20);
    report("spread, PostgreSQL", { ...spread });
    expect(spread.p50).toBeLessThan(1_000);
  }, 60_000);
});
