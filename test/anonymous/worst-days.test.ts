import { afterEach, describe, expect, it } from "vitest";
import type { Clock } from "../../src/contract/clock.ts";
import type { StateStorage } from "../../src/state/store/storage.ts";
import type { StorePlace } from "../state/storages.ts";
import type { Connection, SharedStoreOptions } from "../support/shared-store.ts";
import { createStorage } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { firebaseAnonymous } from "../../src/tokens/sources/firebase-identity.ts";
import { DAY, HOUR } from "../../src/anonymous/creation-window.ts";
import { silentLog } from "../../src/observe/reporter.ts";
import { createState } from "../../src/state/create-state.ts";
import { filesPlace } from "../state/stores.ts";
import { createSharedStore } from "../support/shared-store.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import { createInstance, type Instance, makeAcquirer } from "./instance.ts";
import { loadOfetch } from "../../src/tokens/token-endpoint.ts";

// A virtual clock settles promises, but does not wait for a module that is loaded at its first use.
await loadOfetch();

const LIMITS = { perHour: 10, perDay: 50, spacing: 60_000 };
const INSTANCES = 20;

let simulator: Simulator | undefined;
afterEach(() => simulator?.close());

/** A seeded draw in [0, 1). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function memoryPlace(): Promise<StorePlace> {
  const storage = createStorage({ driver: memoryDriver() });
  return { open: () => storage, dispose: async () => {} };
}

interface Alive {
  instance: Instance;
  /** Ends it in mid-call: nothing that it waits for settles. */
  kill(): void;
}

/** Many instances on one store and one provider; calls take virtual time, and instances die in mid-step. */
async function createDays(store: SharedStoreOptions, seed: number, storage?: StateStorage) {
  const clock = createVirtualClock();
  const random = createRandom(seed);
  const shared = createSharedStore(clock, store);
  const provider = (simulator = await createSimulator({ clock, creations: LIMITS, seed }));
  provider.script({
    when: { operation: "sign-up", probability: 0.2 },
    then: { refuse: "server-error" },
  });
  let calls = 0;

  /** The real state, with a step before and after each call. */
  function connectState(over: StateStorage, mine: Clock, step: () => Promise<void>): Connection {
    const options = { storage: over, base: "relay", clock: mine, random, log: silentLog() };
    const state = createState(options);
    const stepped = <A extends unknown[], T>(call: (...args: A) => Promise<T>) => {
      return async (...args: A): Promise<T> => {
        await step();
        calls++;
        const value = await call(...args).finally(() => calls--);
        await step();
        return value;
      };
    };
    const { leases, creations, tokens } = state;
    return {
      leases: {
        tier: leases.tier,
        acquire: stepped(leases.acquire),
        time: stepped(leases.time),
      },
      creations: {
        add: stepped((record) => creations.add(record)),
        list: stepped((limiter, before, now) => creations.list(limiter, before, now)),
      },
      tokens: {
        read: stepped((credential) => tokens.read(credential)),
        write: stepped((record) => tokens.write(record)),
        forget: (credential) => tokens.forget(credential),
        intents: (credential) => tokens.intents(credential),
        forgetTornIntents: (credential) => tokens.forgetTornIntents(credential),
        writeIntent: (record) => tokens.writeIntent(record),
      },
      putCredential: state.putCredential,
      listCredentials: stepped(state.listCredentials),
      flush: stepped(state.flush),
    };
  }

  function start(): Alive {
    let isDead = false;
    const mine: Clock = {
      now: clock.now,
      after: (delay, wake) => clock.after(delay, () => (isDead ? undefined : wake())),
    };
    const wait = (longest: number): Promise<void> =>
      new Promise((resolve) => void mine.after(Math.floor(random() * longest), resolve));
    // Some steps take a while, and a killed instance stops at a step.
    const step = async (): Promise<void> => {
      if (random() < 0.3) await wait(random() < 0.05 ? 8_000 : 200);
      if (isDead) await new Promise(() => {});
    };
    const slowFetch: typeof fetch = async (input, init) => {
      const signal = init!.signal!;
      const lateness = random() < 0.1 ? 40_000 : 5_000;
      await Promise.race([
        wait(lateness),
        new Promise((resolve) => signal.addEventListener("abort", resolve)),
      ]);
      await step();
      signal.throwIfAborted();
      calls++;
      try {
        return await fetch(input, { ...init, signal: null });
      } finally {
        calls--;
        await step();
      }
    };
    const source = firebaseAnonymous({ apiKey: "k", endpoint: provider.url });
    const instance = createInstance({
      clock: mine,
      connection: storage ? connectState(storage, mine, step) : shared.connect(step),
      fetch: slowFetch,
      acquirers: [makeAcquirer({ source, limits: LIMITS, maxLive: 3 })],
    });
    return { instance, kill: () => void (isDead = true) };
  }

  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      await clock.advance(Math.min(500, left));
      while (calls > 0) await clock.settle();
    }
  }

  const attempts = (): number[] =>
    provider.ledger.calls.flatMap(({ operation, at }) => (operation === "sign-up" ? [at] : []));
  return { clock, random, shared, provider, start, pass, attempts };
}

/** The most attempts in any sliding window. */
function mostIn(window: number, times: readonly number[]): number {
  return Math.max(0, ...times.map((at) => times.filter((t) => t >= at && t < at + window).length));
}

async function liveThrough(
  days: Awaited<ReturnType<typeof createDays>>,
  hours = 26,
): Promise<number> {
  const alive = Array.from({ length: INSTANCES }, days.start);
  let kills = 0;
  for (let nth = 0; nth < 1_000; nth++) alive[nth % INSTANCES]!.instance.ask();
  for (let minutes = 0; minutes < hours * 60; minutes += minutes < 180 ? 0.5 : 4) {
    await days.pass(1_000);
    await days.clock.advance(minutes < 180 ? 29_000 : 239_000);
    for (const [at, { instance, kill }] of alive.entries()) {
      // Each token is used up as soon as it exists.
      const chosen = instance.ask();
      if (chosen) instance.health.disable(chosen.id, { cause: "exhausted", reason: "", at: 0 });
      if (days.random() > 0.004) continue;
      kill();
      kills++;
      alive[at] = days.start();
      void alive[at].instance.acquirers.restore([...days.shared.credentials.values()]);
    }
  }
  await days.pass(0);
  return kills;
}

function expectWithinLimits({ attempts, provider }: Awaited<ReturnType<typeof createDays>>): void {
  const times = attempts();
  expect(mostIn(HOUR, times)).toBeLessThanOrEqual(LIMITS.perHour);
  expect(mostIn(DAY, times)).toBeLessThanOrEqual(LIMITS.perDay);
  expect(mostIn(LIMITS.spacing, times)).toBe(1);
  // The provider counts the same windows.
  expect(provider.ledger.creations.refused).toBe(0);
}

describe("many instances on one store", { timeout: 60_000 }, () => {
  it.each([1, 2, 3])(
    "H2 H5 1,000 cold starts over 20 instances that die at random: never more attempts than allowed, by the ledger (seed %i)",
    async (seed) => {
      const days = await createDays({ tier: "atomic", ahead: 7 * 60_000 }, seed);
      expect(await liveThrough(days)).toBeGreaterThan(30);
      expectWithinLimits(days);
      const attempts = days.attempts().length;
      expect(attempts).toBeGreaterThan(40);
      expect(days.provider.ledger.creations.created).toBeLessThan(attempts);
    },
  );

  it.each<[string, number, () => Promise<StorePlace>]>([
    ["memory", 26, memoryPlace],
    ["files", 1, filesPlace],
  ])("H2 M4 the same over the state itself, on %s for %i hours", async (_, hours, open) => {
    const place = await open();
    const days = await createDays({}, 5, place.open());
    expect(await liveThrough(days, hours)).toBeGreaterThan(2);
    expectWithinLimits(days);
    expect(days.attempts().length).toBeGreaterThan(1.5 * hours);
    await place.dispose?.();
  });

  it("H2 a lease that every instance gets allows no more attempts: instances that count at the same time back out", async () => {
    const days = await createDays({ tier: "best-effort", isExclusive: false }, 4);
    await liveThrough(days);
    expectWithinLimits(days);
    expect(days.attempts().length).toBeGreaterThan(5);
    expect(days.shared.creations.size).toBeGreaterThan(days.attempts().length);
  });
});
