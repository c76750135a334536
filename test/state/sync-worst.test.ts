/** Changes of two instances under failures: concurrent writes, outages, gaps, wrong clocks. */
import { createStorage } from "unstorage";
import { expect, it } from "vitest";
import type { CredentialRecord } from "../../src/contract/records.ts";
import type { LoadedState } from "../../src/contract/state.ts";
import type { StateStorage } from "../../src/state/store/storage.ts";
import { HOUR, NOW, type Bench, cooldown, createBench, mark } from "./fixtures.ts";
import { createFailing, turns, wrapStorage } from "./storages.ts";

type Options = NonNullable<Parameters<typeof createBench>[0]>;

/** An instance that follows changes, and keeps what it has received. */
async function start(options: Options): Promise<Bench & { heard: LoadedState }> {
  const bench = createBench(options);
  const heard: LoadedState = { cooldowns: [], marks: [], credentials: [] };
  bench.state.follow((changes) => {
    heard.cooldowns.push(...changes.cooldowns);
    heard.marks.push(...changes.marks);
    heard.credentials.push(...changes.credentials);
  });
  await bench.state.load();
  return { ...bench, heard };
}

/** Hides the driver of a store, so that changes are exchanged through values. */
function asValues(storage: StateStorage): StateStorage {
  return { ...storage, getMount: () => ({ driver: { name: "http" } }) };
}

function removed(id: string, revision: number): CredentialRecord {
  return { id, credential: undefined, revision, writtenAt: NOW };
}

function made(id: string, revision: number): CredentialRecord {
  const credential = {
    label: id,
    upstream: "up",
    tier: 1,
    weight: 1,
    allow: undefined,
    deny: undefined,
    maxInFlight: undefined,
    origin: "operator",
    apiKey: undefined,
    createdAt: NOW,
  };
  return { id, credential, revision, writtenAt: NOW };
}

/** Runs the calls of two instances one at a time, in the order of `picks`. */
function createTurnstile(picks: readonly number[]): {
  pass(instance: number): Promise<void>;
  open(): void;
} {
  const waiting: [(() => void)[], (() => void)[]] = [[], []];
  let isOpen = false;
  let next = 0;

  function go(): void {
    const pick = picks[next]!;
    const first = waiting[pick as 0 | 1].shift();
    if (!first) return;
    next += 1;
    first();
  }
  return {
    pass: (instance) =>
      isOpen || next >= picks.length
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting[instance as 0 | 1].push(() => resolve(undefined));
            go();
          }).then(() => void queueMicrotask(() => next < picks.length && go())),
    open() {
      isOpen = true;
      for (const resolve of waiting.flat()) resolve();
    },
  };
}

// Each put reads, then writes: every order in which two of them can overlap.
const ORDERS = [
  [0, 0, 1, 1],
  [0, 1, 0, 1],
  [0, 1, 1, 0],
  [1, 0, 0, 1],
  [1, 0, 1, 0],
  [1, 1, 0, 0],
];

async function crossed<T>(
  order: readonly number[],
  put: (instances: [Bench, Bench]) => void,
  read: (loaded: LoadedState) => T,
): Promise<T> {
  const inner = createStorage();
  const turnstile = createTurnstile(order);
  const guarded = (instance: number): StateStorage =>
    wrapStorage(inner, async (method, key, run) => {
      const isRecord = key !== "relay:store";
      if (isRecord && (method === "getItem" || method === "setItem"))
        await turnstile.pass(instance);
      return run();
    });
  const [a, b] = [await start({ storage: guarded(0) }), await start({ storage: guarded(1) })];
  put([a, b]);
  await turns(20);
  turnstile.open();
  await turns(20);
  await Promise.all([a.state.flush(), b.state.flush()]);
  await turns(20);
  await Promise.all([a.state.close(), b.state.close()]);
  return read(await createBench({ storage: inner }).state.load());
}

it("K5 the later end wins, however two writes of one key overlap", async () => {
  for (const order of ORDERS) {
    const untils = await crossed(
      order,
      ([a, b]) => {
        a.state.putCooldown(cooldown("x", { until: NOW + 2 * HOUR }));
        b.state.putCooldown(cooldown("x", { until: NOW + HOUR }));
      },
      ({ cooldowns }) => cooldowns.map(({ until }) => until - NOW),
    );
    expect(untils, order.join("")).toEqual([2 * HOUR]);
  }
});

it("K6 a removed credential stays removed, however its last writes overlap", async () => {
  for (const order of ORDERS) {
    const left = await crossed(
      order,
      ([a, b]) => {
        a.state.putCredential(removed("x", 2));
        b.state.putCredential(made("x", 5));
      },
      ({ credentials }) => credentials,
    );
    expect(left, order.join("")).toEqual([removed("x", 2)]);
  }
});

it("M5 changes made on both sides of an outage are on both sides after it, and no removed record returns", async () => {
  const inner = createStorage();
  const failing = createFailing(inner);
  const a = await start({ storage: asValues(failing.storage) });
  const b = await start({ storage: asValues(inner as never) });
  b.state.putCredential(made("gone", 1));
  b.state.putCooldown(cooldown("cleared"));
  await b.state.flush();
  for (const method of ["getKeys", "getItem", "getItems", "setItem", "removeItem"] as const)
    failing.broken.add(method);
  a.state.putCooldown(cooldown("mine"));
  a.state.putCredential(made("gone", 3));
  a.state.putCooldown(cooldown("cleared", { until: NOW + 9 * HOUR }));
  b.state.putCooldown(cooldown("theirs"));
  b.state.putCredential(removed("gone", 2));
  b.state.putCooldown(cooldown("cleared", { epoch: 1, until: NOW, incidents: 0 }));
  await b.state.flush();
  // So long that the next retry of a write is a minute away.
  for (let second = 0; second < 66; second++)
    await Promise.all([a.clock.advance(1_000), b.clock.advance(1_000)]);
  expect(a.state.health()).toMatchObject({ fault: expect.stringContaining("ECONNREFUSED") });
  expect(a.state.health().viewAge).toBeGreaterThan(60_000);
  expect(a.lines.filter((line) => line.startsWith("warn")).length).toBeLessThan(4);

  failing.broken.clear();
  for (let second = 0; second < 15; second++)
    await Promise.all([a.clock.advance(1_000), b.clock.advance(1_000)]);
  expect(a.state.health()).toMatchObject({ pendingWrites: 0, fault: undefined });
  expect(a.heard.cooldowns).toContainEqual(cooldown("theirs"));
  expect(b.heard.cooldowns).toContainEqual(cooldown("mine"));
  const { cooldowns, credentials } = await createBench({ storage: inner }).state.load();
  expect(cooldowns).toHaveLength(3);
  expect(cooldowns).toContainEqual(cooldown("cleared", { epoch: 1, until: NOW, incidents: 0 }));
  expect(credentials).toEqual([removed("gone", 2)]);
  await Promise.all([a.state.close(), b.state.close()]);
});

it("M1 reads everything again after it has missed changes of others", async () => {
  const inner = createStorage();
  const a = await start({ storage: asValues(inner as never) });
  const b = await start({ storage: asValues(inner as never) });
  // Far more than one value holds, while the other instance reads nothing.
  for (let i = 0; i < 600; i++) a.state.putCooldown(cooldown(`c${i}`));
  await a.state.flush();
  await a.clock.advance(5_000);
  await b.clock.advance(5_000);
  await turns(50);
  const heard = new Set(b.heard.cooldowns.map(({ key }) => key.credential));
  expect(heard.size).toBe(600);
  await Promise.all([a.state.close(), b.state.close()]);
});

it("M1 reads everything again after applying a change has failed", async () => {
  const inner = createStorage();
  const a = await start({ storage: asValues(inner as never) });
  const b = createBench({ storage: asValues(inner as never) });
  const received: string[] = [];
  let hasFailed = false;
  b.state.follow(({ marks }) => {
    if (!hasFailed && marks.length > 0) {
      hasFailed = true;
      throw new Error("cannot be applied");
    }
    received.push(...marks.map(({ credential }) => credential));
  });
  await b.state.load();
  a.state.putMark(mark("x"));
  await a.state.flush();
  await a.clock.advance(2_000);
  await b.clock.advance(10_000);
  await turns(10);
  expect([hasFailed, received]).toEqual([true, ["x"]]);
  await Promise.all([a.state.close(), b.state.close()]);
});

it("M1 removes the changes of an instance that was silent for an hour", async () => {
  const inner = createStorage();
  const slots = async (): Promise<number> =>
    (await inner.getKeys("relay:j")).filter((key) => !key.endsWith("members")).length;
  const old = await start({ storage: asValues(inner as never) });
  old.state.putMark(mark("x"));
  await old.state.flush();
  await old.clock.advance(2_000);
  await old.state.close();
  expect(await slots()).toBe(1);
  const soon = await start({ storage: asValues(inner as never), at: NOW + HOUR });
  expect(await slots()).toBe(1);
  const late = await start({ storage: asValues(inner as never), at: NOW + 2 * HOUR });
  expect(await slots()).toBe(0);
  await Promise.all([soon.state.close(), late.state.close()]);
});

it("M1 asks the store at most four times a second however many keys there are, and never without a store", async () => {
  const { storage, calls } = createFailing();
  const a = await start({ storage: asValues(storage) });
  for (let i = 0; i < 2_000; i++) a.state.putCooldown(cooldown(`c${i}`));
  await a.state.flush();
  await a.clock.advance(5_000);
  calls.clear();
  await a.clock.advance(20_000);
  const total = [...calls.values()].reduce((sum, count) => sum + count, 0);
  expect(total).toBeGreaterThan(0);
  expect(total / 20).toBeLessThanOrEqual(4);
  await a.state.close();

  const alone = await start({});
  expect(alone.state.health()).toMatchObject({ sync: "none", viewAge: undefined });
  expect(alone.clock.pending()).toBe(0);
  const deaf = await start({ storage: asValues(createStorage() as never), sync: false });
  expect(deaf.clock.pending()).toBe(0);
  const inProcess = await start({ storage: createStorage() as never });
  expect(inProcess.clock.pending()).toBe(0);
});

it("M1 passes on nothing that is torn or no record, and goes on", async () => {
  const inner = createStorage();
  const a = await start({ storage: asValues(inner as never) });
  await a.clock.advance(3_000);
  const b = await start({ storage: asValues(inner as never) });
  await b.clock.advance(3_000);
  b.state.putMark(mark("m"));
  await b.state.flush();
  const slots = await inner.getItems(await inner.getKeys("relay:j"));
  const { key: own, value: whole } = slots.find(({ value }) =>
    JSON.stringify(value).includes("the key was revoked"),
  )!;
  await inner.setItem(own, '{"v":1,"kind":"jour');
  await a.clock.advance(2_000);
  expect(a.heard.marks).toEqual([]);
  expect(a.state.health()).toMatchObject({ fault: undefined, setAside: [] });
  await inner.setItem(own, whole);
  await a.clock.advance(2_000);
  expect(a.heard.marks).toEqual([mark("m")]);
  await Promise.all([a.state.close(), b.state.close()]);
});

it("K12 with clocks an hour ahead of and behind the store's, a cooldown lasts neither longer nor shorter", async () => {
  const storage = createStorage();
  const moment = NOW;
  const of = (at: number): Options => ({
    storage: storage as never,
    at,
    sharedTime: async () => moment,
  });
  const early = await start(of(moment - HOUR));
  const late = await start(of(moment + HOUR));
  // Half an hour, written by the instance with a clock an hour behind.
  early.state.putCooldown(
    cooldown("x", { until: moment - HOUR + HOUR / 2, writtenAt: moment - HOUR }),
  );
  await early.state.flush();
  await turns(10);
  expect(late.heard.cooldowns.map(({ until }) => until - late.clock.now())).toEqual([HOUR / 2]);
  const right = createBench(of(moment));
  expect((await right.state.load()).cooldowns.map(({ until }) => until - moment)).toEqual([
    HOUR / 2,
  ]);
  expect(early.lines.join()).toContain("our clock is 1 h behind the store's");
  await Promise.all([early.state.close(), late.state.close()]);
});

it("K12 a small clock offset, or a store without a clock, changes nothing", async () => {
  for (const sharedTime of [async () => NOW + 1_500, () => Promise.reject(new Error("down"))]) {
    const storage = createStorage();
    const one = await start({ storage: storage as never, sharedTime });
    one.state.putCooldown(cooldown("x"));
    await one.state.close();
    const { cooldowns } = await createBench({ storage }).state.load();
    expect(cooldowns).toEqual([cooldown("x")]);
  }
});
