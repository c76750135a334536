/** The whole contract of the state on every driver in use, of unstorage 1 and 2 (K2). */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Storage } from "unstorage";
import { createStorage } from "unstorage";
import lruDriver from "unstorage/drivers/lru-cache";
import { createStorage as createStorage2 } from "unstorage2";
import fsDriver2 from "unstorage2/drivers/fs";
import redisDriver2 from "unstorage2/drivers/redis";
import { describe } from "vitest";
import { stateContract } from "./contract.ts";
import { type StorePlace, underTest } from "./storages.ts";
import { noPostgres, noRedis, noSqlite, postgresPlace, redisPlace, sqlitePlace } from "./stores.ts";

/** One connection for all places: a contract opens many. */
function once(place: StorePlace): StorePlace {
  let storage: Storage | undefined;
  return { ...place, open: () => (storage ??= place.open()) };
}

function lruPlace(): StorePlace {
  return once({
    open: () => createStorage({ driver: lruDriver({ max: 100_000 }) }),
    dispose: async () => {},
  });
}

function memory2Place(): StorePlace {
  return once({ open: () => createStorage2() as unknown as Storage, dispose: async () => {} });
}

async function fs2Place(atomic: boolean): Promise<StorePlace> {
  const base = await mkdtemp(join(tmpdir(), "relay-fs2-"));
  return {
    open: () => createStorage2({ driver: fsDriver2({ base, atomic }) }) as unknown as Storage,
    dispose: () => rm(base, { recursive: true, force: true }),
  };
}

function redis2Place(): StorePlace {
  const base = `relay_test2_${process.pid}_${Date.now().toString(36)}`;
  const driver = redisDriver2({ base, host: "127.0.0.1", port: 6379, maxRetriesPerRequest: 1 });
  return once({
    open: () => createStorage2({ driver }) as unknown as Storage,
    async dispose() {
      const client = (await driver.getInstance!()) as unknown as {
        keys(pattern: string): Promise<string[]>;
        del(...keys: string[]): Promise<unknown>;
        quit(): Promise<unknown>;
      };
      const keys = await client.keys(`*${base}*`);
      if (keys.length > 0) await client.del(...keys);
      await client.quit();
    },
  });
}

stateContract("unstorage lru-cache", () => underTest(lruPlace()));
describe.skipIf(noSqlite)("with SQLite", () =>
  stateContract("SQLite", async () => underTest(once(await sqlitePlace()))),
);
stateContract("unstorage 2, memory", () => underTest(memory2Place()));
stateContract("unstorage 2, fs", async () => underTest(await fs2Place(false)));
stateContract("unstorage 2, atomic fs", async () => underTest(await fs2Place(true)));
describe.skipIf(noRedis)("with Redis", () => {
  stateContract("Redis", () => underTest(once(redisPlace())));
  stateContract("unstorage 2, Redis", () => underTest(redis2Place()));
});
describe.skipIf(noPostgres)("with PostgreSQL", () => {
  stateContract("PostgreSQL", () => underTest(once(postgresPlace())));
});
