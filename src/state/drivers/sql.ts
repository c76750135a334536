// SQL through db0: SQLite, libSQL, PostgreSQL and MySQL. Locks: one row per lock in a separate table, taken by a conditional upsert with
// the database's clock. Journal (not on MySQL): a table with a sequence number, read from the last number that was seen.
import { createSqlTable, type SqlDatabase } from "../store/sql-table.ts";
import { type Journal, LAST_GENERATION, type LockKind, LONGEST_LOCK } from "./driver.ts";

const NOW: Readonly<Record<string, string>> = {
  postgresql: "(extract(epoch from clock_timestamp()) * 1000)::bigint",
  sqlite: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
  libsql: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
  mysql: "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
};

/** Returns `undefined` for a dialect that is not known. */
export function createSqlLocks(database: SqlDatabase, table: string): LockKind | undefined {
  const now = NOW[database.dialect];
  if (now === undefined) return undefined;
  const tableExists = createSqlTable(
    database,
    table,
    "name VARCHAR(255) PRIMARY KEY, owner VARCHAR(64) NOT NULL, generation BIGINT NOT NULL, expires BIGINT NOT NULL",
  );

  const take = database.dialect === "mysql" ? takeOnMySQL : takeReturning;

  return {
    tier: "atomic",
    async take(name, owner, ttl) {
      await tableExists();
      const row = await take(database, table, now, [name, owner, Math.ceil(ttl)]);
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

type LockParams = [name: string, owner: string, ttl: number];

const isFree = (column: string, now: string): string =>
  `(${column} <= ${now} OR ${column} > ${now} + ${LONGEST_LOCK})`;

const nextOf = (column: string, now: string): string =>
  `CASE WHEN ${column} BETWEEN 0 AND ${LAST_GENERATION} THEN ${column} + 1 ELSE ${now} END`;

async function takeReturning(
  database: SqlDatabase,
  table: string,
  now: string,
  params: LockParams,
): Promise<unknown> {
  const take = `INSERT INTO ${table} (name, owner, generation, expires) VALUES (?, ?, 1, ${now} + ?)
    ON CONFLICT (name) DO UPDATE
      SET owner = excluded.owner, expires = excluded.expires,
        generation = ${nextOf(`${table}.generation`, now)}
      WHERE ${isFree(`${table}.expires`, now)}
    RETURNING generation`;
  return (await database.prepare(take).all(...params))[0];
}

// MySQL has no `RETURNING`. It assigns from left to right: `owner` is the new one only where the lock was free.
async function takeOnMySQL(
  database: SqlDatabase,
  table: string,
  now: string,
  params: LockParams,
): Promise<unknown> {
  const isOurs = `owner = VALUES(owner) AND ${isFree("expires", now)}`;
  const take = `INSERT INTO ${table} (name, owner, generation, expires) VALUES (?, ?, 1, ${now} + ?)
    ON DUPLICATE KEY UPDATE
      owner = IF(${isFree("expires", now)}, VALUES(owner), owner),
      generation = IF(${isOurs}, ${nextOf("generation", now)}, generation),
      expires = IF(${isOurs}, VALUES(expires), expires)`;
  await database.prepare(take).run(...params);
  const [name, owner] = params;
  const read = `SELECT generation FROM ${table} WHERE name = ? AND owner = ? AND expires > ${now}`;
  return (await database.prepare(read).all(name, owner))[0];
}

interface Row {
  seq: number | string;
  body: string;
}

const KEPT = 10_000;
const TRIM_EVERY = 100;
const PAGE = 200;
/** Number of the advisory lock; arbitrary, but used by nothing else. */
const LOCK = 7_233_705;

const COLUMNS: Readonly<Record<string, string>> = {
  postgresql: "seq BIGSERIAL PRIMARY KEY, body TEXT NOT NULL",
  sqlite: "seq INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL",
  libsql: "seq INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL",
};

/** Returns `undefined` for a dialect that is not tested. */
export function createSqlJournal(database: SqlDatabase, table: string): Journal | undefined {
  const columns = COLUMNS[database.dialect];
  if (columns === undefined) return undefined;
  const tableExists = createSqlTable(database, table, columns);
  const exchangeRows = createRowExchange(database, table);
  let position = 0;
  let appended = 0;

  async function trim(): Promise<void> {
    if (appended++ % TRIM_EVERY !== 0) return;
    await database.prepare(`DELETE FROM ${table} WHERE seq < ?`).run(position - KEPT);
  }

  return {
    tier: "shared",
    // SQLite takes two calls when there is a text to append.
    interval: database.dialect === "postgresql" ? 300 : 490,
    async begin() {
      await tableExists();
      const [row] = await database.prepare(`SELECT max(seq) AS seq FROM ${table}`).all();
      position = Number((row as { seq: number | string | null }).seq ?? 0);
    },
    async exchange(text) {
      await tableExists();
      const rows = await exchangeRows(text, position);
      if (text !== undefined) await trim();
      // The read starts with the row at `position`. If it is absent, it was trimmed, and unread rows may have been, too.
      const hasMissed = position !== 0 && Number(rows[0]?.seq) !== position;
      const news = position === 0 || hasMissed ? rows : rows.slice(1);
      position = Number(news.at(-1)?.seq ?? (hasMissed ? 0 : position));
      return { texts: news.map(({ body }) => body), hasMissed, hasMore: rows.length > PAGE };
    },
  };
}

/** Returns a function that appends a text, if there is one, and reads the rows from a number on. */
function createRowExchange(
  database: SqlDatabase,
  table: string,
): (text: string | undefined, from: number) => Promise<Row[]> {
  const READ = `SELECT seq, body FROM ${table} WHERE seq >= ? ORDER BY seq LIMIT ${PAGE + 1}`;
  // Under the lock, numbers are assigned and committed in one order: a reader that sees one has seen all before it.
  const EXCHANGE = `WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(${LOCK})),
    added AS (INSERT INTO ${table} (body) SELECT ? FROM turn)
    ${READ}`;

  return async (text, from) => {
    if (text === undefined) return (await database.prepare(READ).all(from)) as Row[];
    if (database.dialect === "postgresql")
      return (await database.prepare(EXCHANGE).all(text, from)) as Row[];
    await database.prepare(`INSERT INTO ${table} (body) VALUES (?)`).run(text);
    return (await database.prepare(READ).all(from)) as Row[];
  };
}
