/** A store that comes back empty: running instances write back what they know, no removed record returns, and irrevocable actions wait (M5). */
import { rm } from "node:fs/promises";
import { createStorage } from "unstorage";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CredentialRecord, TokenRecord } from "../../src/contract/records.ts";
import type { StateStorage } from "../../src/state/store/storage.ts";
import { cooldown, createBench, HOUR, made, mark, NOW, type Bench } from "./fixtures.ts";
import {
  createFailing,
  fsPlace,
  memoryPlace,
  type StorePlace,
  turns,
  wrapStorage,
} from "./storages.ts";
import { noPostgres, noRedis, noSqlite, postgresPlace, redisPlace, sqlitePlace } from "./stores.ts";

const secrets = ["a secret of at least sixteen characters"];

interface EmptiedPlace extends StorePlace {
  empty(): Promise<void>;
}

const all: Bench[] = [];
/** True when the store is a server. */
let isReal = false;
afterEach(async () => {
  await Promise.all(all.splice(0).map(({ state }) => state.close()));
});

async function start(storage: StateStorage, more: object = {}): Promise<Bench> {
  const bench = createBench({ storage, secrets, ...more });
  bench.state.follow(() => {});
  await bench.state.load();
  all.push(bench);
  return bench;
}

/** Advances all clocks together until a condition holds. */
async function until(isSo: () => unknown): Promise<void> {
  const patience = performance.now() + 20_000;
  for (let tries = 0; !(await isSo()); tries++) {
    if (performance.now() > patience) throw new Error("it never came to be so");
    for (const { clock } of all) await clock.advance(100);
    // Sockets take real time: the virtual clocks must not run ahead of them.
    await new Promise((resolve) => setTimeout(resolve, isReal ? 50 : 0));
  }
}

const removed = (id: string, more: Partial<CredentialRecord> = {}): CredentialRecord => ({
  ...made(id, 2),
  credential: undefined,
  ...more,
});

function token(generation: number, more: Partial<TokenRecord> = {}): TokenRecord {
  return {
    credential: "t",
    generation,
    accessToken: `access-${generation}-planted`,
    expiresAt: NOW + HOUR,
    issuedAt: NOW,
    refreshToken: `refresh-${generation}-planted`,
    originHash: "",
    writtenAt: NOW,
    ...more,
  };
}

const attempt = (id: string, at = NOW, endedAt: number | undefined = at + 500) => ({
  limiter: "l",
  id,
  at,
  endedAt,
});
const ids = (records: readonly { id: string }[]): string[] =>
  records.map(({ id }) => id).toSorted();

/** Every kind of record, written by several instances, of which one has ended when the store is emptied. */
async function live(place: StorePlace): Promise<Bench> {
  const [a, b, gone] = [
    await start(place.open()),
    await start(place.open()),
    await start(place.open()),
  ];
  a.state.putCooldown(cooldown("cold"));
  a.state.putCooldown(cooldown("cleared"));
  gone.state.putMark(mark("out"));
  b.state.putCredential(made("kept"));
  b.state.putCredential(made("removed"));
  await (await gone.state.leases.acquire("any", 1_000))!.release();
  await gone.state.creations.add(attempt("1"));
  await a.state.creations.add(attempt("2", NOW, undefined));
  for (const generation of [1, 2, 3]) await a.state.tokens.write(token(generation));
  await Promise.all(all.map(({ state }) => state.flush()));
  a.state.putCooldown(cooldown("cleared", { epoch: 1, until: NOW, incidents: 0 }));
  a.state.putCredential(removed("removed"));
  await a.state.creations.add(attempt("2"));
  await a.state.flush();
  for (let round = 0; round < 4; round++) {
    for (const { clock } of all) await clock.advance(1_000);
    await turns(10);
    await Promise.all(all.map(({ state }) => state.flush()));
  }
  all.splice(all.indexOf(gone), 1);
  await gone.state.close();
  return a;
}

function contract(name: string, make: () => EmptiedPlace | Promise<EmptiedPlace>): void {
  describe(`an emptied store, ${name}`, () => {
    let place: EmptiedPlace;
    beforeEach(async () => {
      isReal = /SQL|Redis/.test(name);
      place = await make();
    });
    afterEach(async () => {
      isReal = false;
      await Promise.all(all.splice(0).map(({ state }) => state.close()));
      await place.dispose();
    });

    it("M5 K1 K6 G7 H2 gets back every record that an instance knows, and none that was removed", async () => {
      await live(place);
      await place.empty();
      const late = await start(place.open());
      const plain = place.open();
      await until(async () => {
        if ((await late.state.creations.list("l", 0, NOW)).length < 2) return false;
        if ((await late.state.tokens.read("t")) === undefined) return false;
        return (await plain.getKeys("relay")).filter((key) => /:[ckm]:/.test(key)).length >= 5;
      });
      const after = createBench({ storage: place.open(), secrets });
      const loaded = await after.state.load();
      const ends = loaded.cooldowns.map(({ key, until: end }) => [key.credential, end - NOW]);
      expect(Object.fromEntries(ends)).toEqual({ cold: 5 * HOUR, cleared: 0 });
      expect(loaded.marks).toEqual([mark("out")]);
      expect(loaded.credentials.toSorted((x, y) => x.id.localeCompare(y.id))).toEqual([
        made("kept"),
        removed("removed"),
      ]);
      expect(await after.state.tokens.read("t")).toEqual(token(3));
      expect(await late.state.creations.list("l", 0, NOW)).toHaveLength(2);
      expect(await late.state.creations.list("l", 0, NOW)).toContainEqual(attempt("2"));
    }, 40_000);

    it("M5 G7 H2 grants no lease for irrevocable actions before every instance had time to write", async () => {
      const a = await live(place);
      // A lease held when it happens stays with its holder.
      const held = await a.state.leases.acquire("token:t", 600_000, true);
      expect(held).toBeDefined();
      await place.empty();
      const late = await start(place.open());
      const others = all.filter((one) => one !== a);
      // Inside one process no instance is late.
      const isShared = a.state.health().sync !== "process";
      if (isShared)
        expect(await late.state.leases.acquire("create:l", 1_000, true)).toBeUndefined();
      expect(await late.state.leases.acquire("anything", 1_000)).toBeDefined();
      await until(async () => {
        const lease = await late.state.leases.acquire("create:l", 1_000, true);
        return lease !== undefined;
      });
      expect(await late.state.creations.list("l", 0, NOW)).toHaveLength(2);
      expect((await late.state.tokens.read("t"))?.generation).toBe(3);
      for (const { state } of others)
        expect(await state.leases.acquire("token:t", 1_000, true)).toBeUndefined();
      await held!.release();
      const next = await late.state.leases.acquire("token:t", 1_000, true);
      expect(next).toBeDefined();
    }, 40_000);
  });
}

function emptied(place: StorePlace): EmptiedPlace {
  const storage = place.open();
  return {
    ...place,
    async empty() {
      for (const key of await storage.getKeys()) await storage.removeItem(key);
    },
  };
}

/** Hides the driver, so that changes are exchanged through values; leases use the driver beneath. */
function asValues(place: StorePlace): StorePlace {
  return {
    ...place,
    open: () =>
      ({
        ...place.open(),
        getMount: () => ({ driver: { name: "http" } }),
      }) as unknown as ReturnType<StorePlace["open"]>,
  };
}

contract("memory", () => emptied(memoryPlace()));
contract("files", async () => {
  const place = await fsPlace();
  return {
    ...place,
    empty: () => rm(place.base, { recursive: true, force: true, maxRetries: 5 }),
  };
});
describe.skipIf(noRedis)("with Redis", () => contract("Redis", () => emptiedRedis()));
describe.skipIf(noSqlite)("with SQLite", () =>
  contract("SQLite", async () => emptied(await sqlitePlace())),
);
describe.skipIf(noPostgres)("with PostgreSQL", () => {
  contract("PostgreSQL, cut", () => emptiedPostgres("TRUNCATE"));
  contract("PostgreSQL, dropped", () => emptiedPostgres("DROP TABLE"));
  contract("PostgreSQL, its journal left", () => emptied(postgresPlace()));
});

interface Connected {
  getMount(key: string): { driver: { options: unknown; getInstance(): never } };
}

function emptiedRedis(): EmptiedPlace {
  const place = redisPlace();
  const { driver } = (place.open() as unknown as Connected).getMount("");
  const { base } = driver.options as { base: string };
  const client = driver.getInstance() as {
    keys(pattern: string): Promise<string[]>;
    del(...keys: string[]): Promise<unknown>;
  };
  return {
    ...place,
    async empty() {
      const keys = await client.keys(`*${base}*`);
      await client.del(...keys);
    },
  };
}

function emptiedPostgres(how: string): EmptiedPlace {
  const place = postgresPlace();
  const { driver } = (place.open() as unknown as Connected).getMount("");
  const { database, tableName } = driver.options as {
    tableName: string;
    database: { exec(sql: string): Promise<unknown> };
  };
  return {
    ...place,
    async empty() {
      for (const table of ["", "_leases", "_changes"])
        await database.exec(`${how} ${tableName}${table}`);
    },
  };
}

describe("an emptied store without a journal of its driver", () => {
  it("M5 is refilled by a single instance at its next write, or when it closes", async () => {
    for (const byWriting of [true, false]) {
      const place = emptied(asValues(memoryPlace()));
      const a = await start(place.open(), { sync: false, isOnly: true });
      a.state.putCooldown(cooldown("cold"));
      await a.state.tokens.write(token(7));
      a.state.putMark(mark("out"));
      await a.state.flush();
      await place.empty();
      await a.clock.advance(60_000);
      if (byWriting) {
        a.state.count("cold", false);
        await until(async () => (await place.open().getKeys("relay:m")).length > 0);
      } else await a.state.close();
      const after = createBench({ storage: place.open(), secrets }).state;
      expect(await after.load()).toMatchObject({
        cooldowns: [cooldown("cold")],
        marks: [mark("out")],
      });
      expect(await after.tokens.read("t")).toEqual(token(7));
    }
  });

  it("M5 K4 that fails while it is refilled is refilled when it is back, and grants no lease before", async () => {
    for (const broken of ["relay:store", "relay:t:", "relay:a:"]) {
      let isBroken = false;
      const inner = createStorage();
      const wrapped = wrapStorage(inner, async (method, key, run) => {
        if (isBroken && method === "setItem" && key.startsWith(broken)) throw new Error("full");
        return run();
      });
      const a = await start({ ...wrapped, getMount: () => ({ driver: { name: "http" } }) });
      a.state.putCooldown(cooldown("cold"));
      await a.state.tokens.write(token(1));
      await a.state.creations.add(attempt("1"));
      await a.state.flush();
      await a.clock.advance(10_000);
      expect(await whole(a)).toBe(true);
      isBroken = true;
      for (const key of await inner.getKeys()) await inner.removeItem(key);
      await a.clock.advance(20_000);
      expect(await whole(a), broken).toBe(false);
      await until(() => a.state.health().fault !== undefined);
      isBroken = false;
      await until(() => whole(a));
      expect((await inner.getKeys("relay:c")).length).toBe(1);
      expect(await a.state.tokens.read("t")).toEqual(token(1));
      await until(() => a.state.health().fault === undefined);
    }
  });

  it("M5 K3 that cannot be read, or once returns nothing, does not count as empty", async () => {
    const failing = createFailing(createStorage());
    let isBlind = false;
    const storage: StateStorage = {
      ...failing.storage,
      getItem: async (key) => {
        const value = await failing.storage.getItem(key);
        if (!isBlind || key !== "relay:store") return value;
        isBlind = false;
        return null;
      },
      getMount: () => ({ driver: { name: "http" } }),
    };
    const a = await start(storage);
    await a.clock.advance(20_000);
    const name = await failing.inner.getItem("relay:store");
    isBlind = true;
    expect(await whole(a)).toBe(true);
    expect(isBlind).toBe(false);
    failing.broken.add("getItem");
    expect(await whole(a)).toBe(false);
    failing.broken.clear();
    expect(await failing.inner.getItem("relay:store")).toEqual(name);
    await failing.inner.setItem("relay:store", { v: 99 });
    expect(await whole(a)).toBe(true);
    expect(await failing.inner.getItem("relay:store")).toEqual({ v: 99 });
  });

  it("M5 G7 gets back the intent of a refresh that was under way", async () => {
    const place = emptied(asValues(memoryPlace()));
    const a = await start(place.open());
    await a.state.tokens.write(token(4));
    const intent = { credential: "t", generation: 5, tokenHash: "hash", writtenAt: NOW };
    await a.state.tokens.writeIntent(intent);
    await place.empty();
    const late = await start(place.open());
    await until(async () => (await late.state.tokens.read("t")) !== undefined);
    await until(async () => (await late.state.tokens.intents("t")).length > 0);
    expect(await late.state.tokens.intents("t")).toEqual([{ ...intent, wasAnswered: false }]);
  });

  it("M5 G7 keeps a newer token that was stored meanwhile, and gets no token of a removed credential", async () => {
    const place = emptied(asValues(memoryPlace()));
    const a = await start(place.open());
    const b = await start(place.open());
    await a.state.tokens.write(token(4));
    await b.state.tokens.write(token(4, { credential: "gone" }));
    b.state.putCredential(made("gone"));
    await b.state.flush();
    a.state.putCredential(removed("gone"));
    await a.state.flush();
    await a.state.tokens.forget("gone");
    await until(() => b.clock.now() > NOW + 5_000);
    await place.empty();
    const late = createBench({ storage: place.open(), secrets }).state;
    await late.tokens.write(token(9));
    await until(async () => ids(await late.listCredentials()).includes("gone"));
    await until(() => b.clock.now() > NOW + 12_000);
    expect(await late.tokens.read("t")).toEqual(token(9));
    expect(await late.tokens.read("gone")).toBeUndefined();
    expect((await late.listCredentials())[0]!.credential).toBeUndefined();
  });

  it("H8 gets the counters back", async () => {
    const place = emptied(asValues(memoryPlace()));
    const a = await start(place.open());
    for (let i = 0; i < 5; i++) a.state.count("c", false);
    await a.state.flush();
    await place.empty();
    await until(async () => (await place.open().getKeys("relay:i")).length > 0);
    const after = createBench({ storage: place.open() }).state;
    await after.load();
    expect(after.counters("c")).toMatchObject({ requests: 5 });
  });
});

let probes = 0;
async function whole({ state, clock }: Bench): Promise<boolean> {
  let given: boolean | undefined;
  probes += 1;
  void state.leases.acquire(`probe-${probes}`, 1_000, true).then((it) => (given = !!it));
  // A best-effort lease waits for a moment.
  for (; given === undefined; await turns(3)) await clock.advance(10);
  return given;
}
