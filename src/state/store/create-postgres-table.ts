/** PostgreSQL creates a table twice where two do it at once, and the driver that lost never tries again: one after the other. */
import type { SqlDatabase } from "./sql-table.ts";
import { driverOf, type StateStorage } from "./storage.ts";

/** Any number that nobody else locks by. */
const LOCK = 7_233_706;

/** Touches the store once, so that its table is there; on any other driver nothing happens. */
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
