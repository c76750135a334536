/** Creates unstorage's PostgreSQL table under a lock: two instances that create it at once fail, and unstorage's driver does not retry. */
import type { SqlDatabase } from "./sql-table.ts";
import { driverOf, type StateStorage } from "./storage.ts";

/** Number of the advisory lock; arbitrary, but used by nothing else. */
const LOCK = 7_233_706;

/** Reads the store once, which creates its table. Does nothing with any other driver. */
export async function createPostgresTable(storage: StateStorage, base: string): Promise<void> {
  const driver = driverOf(storage, base);
  const { database } = (driver?.options ?? {}) as { database?: SqlDatabase };
  if (driver?.name !== "db0" || database?.dialect !== "postgresql") return;
  await database.prepare(`SELECT pg_advisory_lock(${LOCK})`).all();
  try {
    await storage.getItem(base);
  } finally {
    await database.prepare(`SELECT pg_advisory_unlock(${LOCK})`).all();
  }
}
