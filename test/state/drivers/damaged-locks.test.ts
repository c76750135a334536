/** Locks with damaged values: they are repaired, and no credential waits for one for ever (K17). */
import { createStorage } from "unstorage";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fsDriver from "unstorage/drivers/fs-lite";
import { afterEach, describe, expect, it } from "vitest";
import type { Lease } from "../../../src/contract/lease.ts";
import { createBench, NOW } from "../fixtures.ts";
import type { StateStorage } from "../../../src/state/store/storage.ts";
import { systemClock } from "../../../src/wiring/system-clock.ts";
import { noPostgres, noRedis, postgresPlace, redisPlace } from "../stores.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const acquire = (storage: StateStorage): Promise<Lease | undefined> =>
  createBench({ storage, clock: systemClock }).state.leases.acquire("job", 60_000);

describe("K17 a damaged lock", () => {
  it("of plain values", async () => {
    for (const damaged of [
      { generation: "x", until: 0 },
      { generation: 2 ** 60, until: 0 },
      { generation: -4, until: "later" },
      { generation: 3, until: NOW * 100 },
      "torn",
    ]) {
      const storage = createStorage();
      const plain = { ...storage, getMount: () => ({ driver: { name: "http" } }) };
      const first = await acquire(plain);
      await first!.release();
      const [key = ""] = await storage.getKeys("relay:l");
      await storage.setItem(key, typeof damaged === "string" ? damaged : { v: 1, ...damaged });
      const lease = await acquire(plain);
      expect(lease?.generation, JSON.stringify(damaged)).toSatisfy(Number.isSafeInteger);
      expect(await acquire(plain)).toBeUndefined();
    }
  });

  it("of files", async () => {
    for (const damaged of ["", "{", JSON.stringify({ owner: "a", until: NOW * 100 })]) {
      const base = await mkdtemp(join(tmpdir(), "relay-locks-"));
      closing.push(() => rm(base, { recursive: true, force: true }));
      const storage = createStorage({ driver: fsDriver({ base }) });
      await acquire(storage);
      const [file = ""] = await readdir(join(base, ".leases"));
      await writeFile(join(base, ".leases", file), damaged);
      await writeFile(join(base, ".leases", file.replace(/\d+$/, "9".repeat(20))), "{}");
      expect((await acquire(storage))?.generation).toBe(2);
      expect(await acquire(storage)).toBeUndefined();
    }
  });

  it.skipIf(noRedis)("of Redis", async () => {
    for (const damaged of ["x", "9223372036854775807", "-5", "1.5"]) {
      const place = redisPlace();
      closing.push(() => place.dispose());
      const storage = place.open();
      await (await acquire(storage))!.release();
      const client = (await storage.getMount("").driver.getInstance!()) as {
        keys(pattern: string): Promise<string[]>;
        set(key: string, value: string): Promise<unknown>;
      };
      const { base } = storage.getMount("").driver.options as { base: string };
      const [key = ""] = await client.keys(`*${base}*:generation`);
      await client.set(key, damaged);
      const lease = await acquire(storage);
      expect(lease?.generation, damaged).toSatisfy(Number.isSafeInteger);
      expect(lease!.generation).toBeGreaterThan(NOW);
      expect(await acquire(storage)).toBeUndefined();
      // A lock without an end.
      await client.set(key.replace(/generation$/, "lock"), "gone");
      expect((await acquire(storage))?.generation).toBe(lease!.generation + 1);
    }
  });

  it.skipIf(noPostgres)("of PostgreSQL", async () => {
    const place = postgresPlace();
    closing.push(() => place.dispose());
    const storage = place.open();
    await (await acquire(storage))!.release();
    const { database, tableName } = storage.getMount("").driver.options as {
      database: { exec(sql: string): Promise<unknown> };
      tableName: string;
    };
    await database.exec(
      `UPDATE ${tableName}_leases SET generation = 9223372036854775807, expires = 9223372036854775807`,
    );
    const lease = await acquire(storage);
    expect(lease?.generation).toSatisfy(Number.isSafeInteger);
    expect(lease!.generation).toBeGreaterThan(NOW);
    expect(await acquire(storage)).toBeUndefined();
  });
});
