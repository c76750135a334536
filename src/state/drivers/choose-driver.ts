/** Chooses locks and journal by the name of the driver behind `base`. */
import type { DriverOptions, Journal, JournalOptions, LockKind } from "./driver.ts";
import { driverOf, type StateStorage } from "../store/storage.ts";
import type { SqlDatabase } from "../store/sql-table.ts";
import { createBestEffortLocks } from "./best-effort.ts";
import { createDenoKvLocks, type DenoKv } from "./deno-kv.ts";
import { createFileLocks } from "./fs.ts";
import { createProcessJournal, createProcessLocks } from "./process.ts";
import { createRedisJournal, createRedisLocks, type RedisClient } from "./redis.ts";
import { createSlotsJournal } from "./slots-journal.ts";
import { createSqlJournal, createSqlLocks } from "./sql.ts";

/** What a driver provides by its own means; `undefined` where plain values must do. */
interface NativeMeans {
  locks?(): LockKind | undefined;
  journal?(): Journal | undefined;
}

export function createLocks({ storage, plain, base, clock }: DriverOptions): LockKind {
  if (!storage) return createProcessLocks({}, clock, "process");
  const native = nativeMeansOf({ storage, base, clock });
  return native.locks?.() ?? createBestEffortLocks(plain ?? storage, `${base}:l:`, clock);
}

/** `undefined` without a storage: there are no other instances. */
export function createJournal(options: JournalOptions): Journal | undefined {
  const { storage, plain } = options;
  if (!storage) return undefined;
  const native = nativeMeansOf({ ...options, storage });
  return native.journal?.() ?? createSlotsJournal({ ...options, storage: plain ?? storage });
}

function nativeMeansOf({
  storage,
  base,
  clock,
}: DriverOptions & { storage: StateStorage }): NativeMeans {
  const driver = driverOf(storage, base);
  const instance = driver?.getInstance;
  const options = (driver?.options ?? {}) as Record<string, unknown>;
  const ownBase = typeof options["base"] === "string" ? options["base"] : undefined;
  const prefix = `${ownBase === undefined ? "" : `${ownBase}:`}${base}:`;
  switch (driver?.name) {
    case "memory":
    case "lru-cache":
      return {
        locks: () => createProcessLocks(driver, clock, "atomic"),
        journal: () => createProcessJournal(driver),
      };
    case "redis": {
      if (!instance) return {};
      const client = async (): Promise<RedisClient> => (await instance()) as RedisClient;
      return {
        locks: () => createRedisLocks(client, `${prefix}l:`),
        journal: () => createRedisJournal(client, `${prefix}changes`),
      };
    }
    case "db0": {
      const database = options["database"] as SqlDatabase | undefined;
      if (!database) return {};
      const table = typeof options["tableName"] === "string" ? options["tableName"] : "unstorage";
      return {
        locks: () => createSqlLocks(database, `${table}_leases`),
        journal: () => createSqlJournal(database, `${table}_changes`),
      };
    }
    case "fs":
    case "fs-lite":
      return ownBase === undefined ? {} : { locks: () => createFileLocks(ownBase, clock) };
    case "deno-kv":
    case "deno-kv-node": {
      if (!instance) return {};
      const store = async (): Promise<DenoKv> => (await instance()) as DenoKv;
      return { locks: () => createDenoKvLocks(store, `${prefix}l:`, clock) };
    }
    default:
      return {};
  }
}
