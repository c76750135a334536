/** The right to do one shared thing alone: as sure as the store's driver can make it, and honest about how sure that is. */
import type { Clock } from "../contract/clock.ts";
import type { Lease, Leases } from "../contract/lease.ts";
import type { Faults } from "./store/store-faults.ts";
import type { StateKeys } from "./records/record-keys.ts";
import { driverOf, type StateStorage } from "./store/storage.ts";
import { createBestEffortLocks } from "./drivers/best-effort.ts";
import { createDenoKvLocks, type DenoKv } from "./drivers/deno-kv.ts";
import { createFileLocks } from "./drivers/fs.ts";
import type { LockKind } from "./drivers/driver.ts";
import { createMemoryLocks } from "./drivers/process.ts";
import { createRedisLocks, type RedisClient } from "./drivers/redis.ts";
import type { SqlDatabase } from "./store/sql-table.ts";
import { createSqlLocks } from "./drivers/sql.ts";

export interface LeaseOptions {
  /** Without one there is nobody to share with. */
  storage: StateStorage | undefined;
  base: string;
  clock: Clock;
  keys: StateKeys;
  faults: Faults;
  /** Name of this instance among all. */
  instance: string;
}

/** Leases that can be put back into a store that was emptied. */
export interface KeptLeases extends Leases {
  /** Takes what this instance holds once more. Rejects where the store fails. */
  retake(): Promise<void>;
}

interface HeldLease {
  id: string;
  owner: string;
  until: number;
  /** The driver's own count, which begins anew in an emptied store. */
  generation: number;
}

/** Creates the leases over a storage, by the driver that stands behind `base`. */
export function createLeases(options: LeaseOptions): KeptLeases {
  const { base, clock, keys, faults, instance } = options;
  const kind = kindOf(options);
  const held = new Set<HeldLease>();
  let count = 0;

  async function acquire(name: string, ttl: number): Promise<Lease | undefined> {
    const owner = `${instance}-${(count += 1)}`;
    const startedAt = clock.now();
    try {
      // The base is part of the name: relays of different bases may share a table, or a folder.
      const key = await keys.of("l", [base, name]);
      const id = key.slice(key.lastIndexOf(":") + 1);
      const generation = await kind.take(id, owner, ttl);
      faults.clear("lease");
      if (generation === 0) return undefined;
      // From before it was asked for: by the store's clock it may have begun then.
      const until = startedAt + ttl;
      const mine: HeldLease = { id, owner, until, generation };
      held.add(mine);
      const release = (): Promise<void> => {
        held.delete(mine);
        return kind.release(id, owner, mine.generation).catch((error: unknown) => {
          faults.report("lease", key, error);
        });
      };
      return { name, generation, until, release };
    } catch (error) {
      faults.report("lease", undefined, error);
      return undefined;
    }
  }

  // Where it still stands, or another has it, taking it changes nothing.
  async function retake(): Promise<void> {
    for (const mine of held) {
      const left = mine.until - clock.now();
      if (left <= 0) held.delete(mine);
      else mine.generation = (await kind.take(mine.id, mine.owner, left)) || mine.generation;
    }
  }

  return { tier: kind.tier, acquire, time: () => kind.time(), retake };
}

function kindOf({ storage, base, clock }: LeaseOptions): LockKind {
  if (!storage) return createMemoryLocks({}, clock, "process");
  const driver = driverOf(storage, base);
  const instance = driver?.getInstance;
  const options = (driver?.options ?? {}) as Record<string, unknown>;
  const prefix = `${typeof options["base"] === "string" ? `${options["base"]}:` : ""}${base}:l:`;
  switch (driver?.name) {
    case "memory":
    case "lru-cache":
      return createMemoryLocks(driver, clock, "atomic");
    case "redis":
      if (instance) return createRedisLocks(async () => (await instance()) as RedisClient, prefix);
      break;
    case "db0": {
      const database = options["database"] as SqlDatabase | undefined;
      const table = typeof options["tableName"] === "string" ? options["tableName"] : "unstorage";
      const locks = database && createSqlLocks(database, `${table}_leases`);
      if (locks) return locks;
      break;
    }
    case "fs":
    case "fs-lite":
      if (typeof options["base"] === "string") return createFileLocks(options["base"], clock);
      break;
    case "deno-kv":
    case "deno-kv-node":
      if (instance)
        return createDenoKvLocks(async () => (await instance()) as DenoKv, prefix, clock);
      break;
    default:
  }
  return createBestEffortLocks(storage, `${base}:l:`, clock);
}
