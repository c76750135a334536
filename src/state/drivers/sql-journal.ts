// SQLite and PostgreSQL through db0: a table with a running number, read from the number that was seen last.
import type { Journal } from "./choose-journal.ts";
import { createSqlTable, type SqlDatabase } from "../store/sql-table.ts";

interface Row {
  seq: number | string;
  body: string;
}

const KEPT = 10_000;
const CUT_EVERY = 100;
const PAGE = 200;
/** Any number that nobody else locks by. */
const LOCK = 7_233_705;

const COLUMNS: Readonly<Record<string, string>> = {
  postgresql: "seq BIGSERIAL PRIMARY KEY, body TEXT NOT NULL",
  sqlite: "seq INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL",
};

/** Returns `undefined` for a dialect that was not tried. */
export function createSqlJournal(database: SqlDatabase, table: string): Journal | undefined {
  const columns = COLUMNS[database.dialect];
  if (columns === undefined) return undefined;
  const made = createSqlTable(database, table, columns);
  const isPostgres = database.dialect === "postgresql";
  let position = 0;
  let appended = 0;

  const READ = `SELECT seq, body FROM ${table} WHERE seq >= ? ORDER BY seq LIMIT ${PAGE + 1}`;
  // Under the lock numbers are given and committed in one order: who sees one has seen all before it.
  const EXCHANGE = `WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(${LOCK})),
    added AS (INSERT INTO ${table} (body) SELECT ? FROM turn)
    ${READ}`;

  async function read(text: string | undefined): Promise<Row[]> {
    if (text === undefined) return (await database.prepare(READ).all(position)) as Row[];
    if (isPostgres) return (await database.prepare(EXCHANGE).all(text, position)) as Row[];
    await database.prepare(`INSERT INTO ${table} (body) VALUES (?)`).run(text);
    return (await database.prepare(READ).all(position)) as Row[];
  }

  async function cut(): Promise<void> {
    if (appended++ % CUT_EVERY !== 0) return;
    await database.prepare(`DELETE FROM ${table} WHERE seq < ?`).run(position - KEPT);
  }

  return {
    tier: "shared",
    // SQLite takes two calls where there is something to append.
    interval: isPostgres ? 300 : 490,
    async begin() {
      await made();
      const [row] = await database.prepare(`SELECT max(seq) AS seq FROM ${table}`).all();
      position = Number((row as { seq: number | string | null }).seq ?? 0);
    },
    async exchange(text) {
      await made();
      const rows = await read(text);
      if (text !== undefined) await cut();
      // The one that we stand at comes again. Where it does not, it was cut off, and with it who knows what.
      const hasMissed = position !== 0 && Number(rows[0]?.seq) !== position;
      const news = position === 0 || hasMissed ? rows : rows.slice(1);
      position = Number(news.at(-1)?.seq ?? (hasMissed ? 0 : position));
      return { texts: news.map(({ body }) => body), hasMissed, hasMore: rows.length > PAGE };
    },
  };
}
