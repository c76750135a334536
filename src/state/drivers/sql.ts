// SQLite and PostgreSQL through db0: one row a lock in a table of its own, taken by a conditional upsert, by the database's clock.
import { createSqlTable, type SqlDatabase } from "../store/sql-table.ts";
import type { LockKind } from "./driver.ts";

const NOW: Readonly<Record<string, string>> = {
  postgresql: "(extract(epoch from clock_timestamp()) * 1000)::bigint",
  sqlite: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
};

/** Returns `undefined` for a dialect that cannot do it (MySQL has no `RETURNING`). */
export function createSqlLocks(database: SqlDatabase, table: string): LockKind | undefined {
  const now = NOW[database.dialect];
  if (now === undefined) return undefined;
  const made = createSqlTable(
    database,
    table,
    "name VARCHAR(255) PRIMARY KEY, owner VARCHAR(64) NOT NULL, generation BIGINT NOT NULL, expires BIGINT NOT NULL",
  );

  const TAKE = `INSERT INTO ${table} (name, owner, generation, expires) VALUES (?, ?, 1, ${now} + ?)
    ON CONFLICT (name) DO UPDATE
      SET owner = excluded.owner, generation = ${table}.generation + 1, expires = excluded.expires
      WHERE ${table}.expires <= ${now}
    RETURNING generation`;

  return {
    tier: "atomic",
    async take(name, owner, ttl) {
      await made();
      const [row] = await database.prepare(TAKE).all(name, owner, Math.ceil(ttl));
      return row ? Number((row as { generation: number | string }).generation) : 0;
    },
    async release(name, owner) {
      await database
        .prepare(`UPDATE ${table} SET expires = 0 WHERE name = ? AND owner = ?`)
        .run(name, owner);
    },
    async time() {
      const [row] = await database.prepare(`SELECT ${now} AS now`).all();
      return Number((row as { now: number | string }).now);
    },
  };
}
