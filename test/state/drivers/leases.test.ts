/** Leases: one suite on every kind of driver (M2, M3). */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createStorage } from "unstorage";
import type { Clock } from "../../../src/contract/clock.ts";
import type { Leases, LeaseTier } from "../../../src/contract/lease.ts";
import { createLeases } from "../../../src/state/leases.ts";
import { createFaults } from "../../../src/state/store/store-faults.ts";
import { createStateKeys } from "../../../src/state/records/record-keys.ts";
import type { StateStorage } from "../../../src/state/store/storage.ts";
import { createRealClock } from "../../support/real-clock.ts";
import { createDenoKvFake } from "../deno-kv-fake.ts";
import { createFailing, memoryPlace, type StorePlace } from "../storages.ts";
import {
  filesPlace,
  noPostgres,
  noRedis,
  postgresPlace,
  redisPlace,
  noSqlite,
  sqlitePlace,
} from "../stores.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const realClock = createRealClock();
let instances = 0;

function leasesOn(
  storage: StateStorage | undefined,
  clock: Clock = realClock,
  lines?: string[],
): Leases {
  const base = "relay";
  const log = lines ? { ...silent, warn: (line: string) => void lines.push(line) } : silent;
  const faults = createFaults(log, undefined, "test", { now: () => 0 });
  return createLeases({
    storage,
    base,
    clock,
    keys: createStateKeys(base),
    faults,
    instance: `i${(instances += 1)}`,
  });
}

/** Requests the lease until it is granted, for a limited time. */
async function until<T>(ask: () => Promise<T | undefined>, ms: number): Promise<T> {
  for (const end = performance.now() + ms; ;) {
    const got = await ask();
    if (got !== undefined) return got;
    if (performance.now() > end) throw new Error("it was never given");
  }
}

function contract(
  name: string,
  tier: LeaseTier,
  make: () => StorePlace | Promise<StorePlace>,
): void {
  describe(`leases on ${name}`, () => {
    let place: StorePlace;
    beforeEach(async () => {
      place = await make();
    });
    afterEach(() => place.dispose());

    it("M2 report how reliable they are", () => {
      expect(leasesOn(place.open()).tier).toBe(tier);
    });

    it("M2 are granted to one of many concurrent requests, in every round", async () => {
      const all = Array.from({ length: 6 }, () => leasesOn(place.open()));
      for (let round = 0; round < 10; round++) {
        const held = (
          await Promise.all(all.map((one) => one.acquire(`job-${round}`, 60_000)))
        ).filter(Boolean);
        expect(held).toHaveLength(1);
      }
    });

    it("M2 M3 are granted again after a release, with a higher generation", async () => {
      const [a, b] = [leasesOn(place.open()), leasesOn(place.open())];
      const first = (await a.acquire("job", 60_000))!;
      expect(await b.acquire("job", 60_000)).toBeUndefined();
      expect(await a.acquire("job", 60_000)).toBeUndefined();
      await first.release();
      const second = (await b.acquire("job", 60_000))!;
      expect(second.generation).toBeGreaterThan(first.generation);
      expect(await a.acquire("other job", 60_000)).toBeDefined();
    });

    it("M3 M4 are granted again when they expire; a former holder releases no lease of another", async () => {
      const [a, b, c] = [leasesOn(place.open()), leasesOn(place.open()), leasesOn(place.open())];
      const lost = (await a.acquire("job", 40))!;
      const next = await until(() => b.acquire("job", 60_000), 5_000);
      expect(next.generation).toBeGreaterThan(lost.generation);
      await lost.release();
      expect(await c.acquire("job", 60_000)).toBeUndefined();
      await next.release();
      const third = (await c.acquire("job", 60_000))!;
      expect(third.generation).toBeGreaterThan(next.generation);
    });

    it("M2 provide the shared time", async () => {
      expect(Math.abs((await leasesOn(place.open()).time()) - Date.now())).toBeLessThan(5_000);
    });
  });
}

contract("memory", "atomic", memoryPlace);
contract("files", "atomic", filesPlace);
describe.skipIf(noSqlite)("with SQLite", () => contract("SQLite", "atomic", sqlitePlace));
contract("Deno KV (a fake)", "atomic", () => createDenoKvFake());
describe.skipIf(noRedis)("with Redis", () => contract("Redis", "atomic", redisPlace));
describe.skipIf(noPostgres)("with PostgreSQL", () =>
  contract("PostgreSQL", "atomic", postgresPlace),
);

describe("leases elsewhere", () => {
  /** A driver without locks. */
  function plain(): StateStorage {
    const storage = createStorage();
    return {
      ...storage,
      getMount: () => ({ driver: { name: "http" } }),
    } as unknown as StateStorage;
  }

  it("M2 are best effort on any other driver, and behind a prefix that hides the driver", async () => {
    const storage = plain();
    const [a, b] = [leasesOn(storage), leasesOn(storage)];
    expect([a.tier, leasesOn({ ...storage, getMount: undefined } as never).tier]).toEqual([
      "best-effort",
      "best-effort",
    ]);
    const held = (await Promise.all([a.acquire("job", 60_000), b.acquire("job", 60_000)])).filter(
      Boolean,
    );
    expect(held).toHaveLength(1);
    await held[0]!.release();
    expect((await b.acquire("job", 60_000))!.generation).toBeGreaterThan(held[0]!.generation);
  });

  it("M2 are limited to the process without a store", async () => {
    const leases = leasesOn(undefined);
    expect(leases.tier).toBe("process");
    expect(await leases.acquire("job", 60_000)).toBeDefined();
    expect(await leases.acquire("job", 60_000)).toBeUndefined();
  });

  it("M2 M5 are not granted when the store fails, which is logged once", async () => {
    const { storage, broken } = createFailing();
    const lines: string[] = [];
    const leases = leasesOn(
      { ...storage, getMount: () => ({ driver: { name: "other" } }) } as never,
      realClock,
      lines,
    );
    broken.add("getItem");
    expect(await leases.acquire("job", 1_000)).toBeUndefined();
    expect(await leases.acquire("job", 1_000)).toBeUndefined();
    expect(lines).toHaveLength(1);
    broken.clear();
    expect(await leases.acquire("job", 1_000)).toBeDefined();
  });
});
