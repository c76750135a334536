/** Changes of one instance apply on the others soon: one suite for every kind of journal (M1, K5, K6, M5). */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LoadedState } from "../../src/contract/state.ts";
import { cooldown, createBench, HOUR, made, mark, NOW, type Bench } from "./fixtures.ts";
import { memoryPlace, type StorePlace, turns } from "./storages.ts";
import {
  filesPlace,
  noPostgres,
  noRedis,
  postgresPlace,
  redisPlace,
  noSqlite,
  sqlitePlace,
} from "./stores.ts";

interface Instance extends Bench {
  heard: LoadedState;
  /** Resolves when a matching change has been received; the clocks advance meanwhile. */
  hears(fits: (heard: LoadedState) => boolean): Promise<void>;
}

const all: Instance[] = [];

async function start(options: Parameters<typeof createBench>[0]): Promise<Instance> {
  const bench = createBench(options);
  const heard: LoadedState = { cooldowns: [], marks: [], credentials: [] };
  bench.state.follow(({ cooldowns, marks, credentials }) => {
    heard.cooldowns.push(...cooldowns);
    heard.marks.push(...marks);
    heard.credentials.push(...credentials);
  });
  await bench.state.load();
  const instance: Instance = {
    ...bench,
    heard,
    async hears(fits) {
      const patience = performance.now() + 20_000;
      for (let tries = 0; !fits(heard); tries++) {
        if (performance.now() > patience)
          throw new Error(`never heard; ${JSON.stringify(bench.state.health())}`);
        // All clocks advance together.
        for (const { clock } of all) await clock.advance(50);
        await turns(2);
        if (tries > 60) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
  all.push(instance);
  return instance;
}

async function closeAll(): Promise<void> {
  await Promise.all(all.splice(0).map(({ state }) => state.close()));
}

/** Hides the driver, so that only values can be used. */
function plain(place: StorePlace): StorePlace {
  return {
    ...place,
    open: () =>
      ({
        ...place.open(),
        getMount: () => ({ driver: { name: "http" } }),
      }) as unknown as ReturnType<StorePlace["open"]>,
  };
}

function contract(name: string, tier: string, make: () => StorePlace | Promise<StorePlace>): void {
  describe(`changes over ${name}`, () => {
    let place: StorePlace;
    beforeEach(async () => {
      place = await make();
    });
    afterEach(async () => {
      await closeAll();
      await place.dispose();
    });

    it("M1 a cooldown, a mark and a credential of one instance reach the others", async () => {
      const secrets = ["a secret of at least sixteen characters"];
      const a = await start({ storage: place.open(), secrets });
      const b = await start({ storage: place.open(), secrets });
      expect(a.state.health().sync).toBe(tier);
      a.state.putCooldown(cooldown("x"));
      a.state.putMark(mark("y"));
      a.state.putCredential(made("z"));
      await b.hears(
        ({ cooldowns, marks, credentials }) =>
          cooldowns.length > 0 && marks.length > 0 && credentials.length > 0,
      );
      expect(b.heard).toEqual({
        cooldowns: [cooldown("x")],
        marks: [mark("y")],
        credentials: [made("z")],
      });
      expect(b.state.health().viewAge).toBeLessThanOrEqual(1_000);
      // It does not receive its own changes.
      expect(a.heard).toEqual({ cooldowns: [], marks: [], credentials: [] });
    });

    it("M1 an instance that starts later receives the changes from then on, and has loaded the earlier ones", async () => {
      const a = await start({ storage: place.open() });
      a.state.putCooldown(cooldown("before"));
      await a.state.flush();
      await a.clock.advance(2_000);
      const b = await start({ storage: place.open() });
      a.state.putCooldown(cooldown("after"));
      await b.hears(({ cooldowns }) => cooldowns.some(({ key }) => key.credential === "after"));
      b.state.putCooldown(cooldown("back"));
      await a.hears(({ cooldowns }) => cooldowns.some(({ key }) => key.credential === "back"));
    });

    it("M1 many changes at once all arrive", async () => {
      const a = await start({ storage: place.open() });
      const b = await start({ storage: place.open() });
      for (let i = 0; i < 300; i++) a.state.putCooldown(cooldown(`c${i}`));
      await b.hears(
        ({ cooldowns }) => new Set(cooldowns.map((one) => one.key.credential)).size === 300,
      );
    });

    it("K5 when two instances write one key at once the later end stays, in the store too", async () => {
      const a = await start({ storage: place.open() });
      const b = await start({ storage: place.open() });
      // Whichever writes last: both have read before either has written.
      a.state.putCooldown(cooldown("x", { until: NOW + 2 * HOUR }));
      b.state.putCooldown(cooldown("x", { until: NOW + HOUR }));
      await b.hears(({ cooldowns }) => cooldowns.some(({ until }) => until === NOW + 2 * HOUR));
      await Promise.all(all.map(({ state }) => state.flush()));
      for (let i = 0; i < 3; i++)
        for (const { clock, state } of all) {
          await clock.advance(1_000);
          await state.flush();
        }
      const { cooldowns } = await createBench({ storage: place.open() }).state.load();
      expect(cooldowns).toEqual([cooldown("x", { until: NOW + 2 * HOUR })]);
    });
  });
}

contract("memory", "process", memoryPlace);
contract("values alone", "best-effort", () => plain(memoryPlace()));
contract("files", "best-effort", filesPlace);
describe.skipIf(noSqlite)("with SQLite", () => contract("SQLite", "shared", sqlitePlace));
describe.skipIf(noRedis)("with Redis", () => contract("Redis", "shared", redisPlace));
describe.skipIf(noPostgres)("with PostgreSQL", () =>
  contract("PostgreSQL", "shared", postgresPlace),
);

describe.skipIf(noPostgres)("a PostgreSQL without tables", () => {
  it("K2 serves many instances that start at the same moment", async () => {
    const place = postgresPlace();
    await Promise.all(Array.from({ length: 6 }, () => start({ storage: place.open() })));
    for (const { state } of all) expect(state.health()).toMatchObject({ loaded: true });
    await closeAll();
    await place.dispose();
  });
});
