/** A table of our own beside unstorage's, made when it is first needed. */

/** The few methods of a db0 database that are used. */
export interface SqlDatabase {
  dialect: string;
  prepare(sql: string): {
    all(...params: (string | number)[]): Promise<unknown[]> | unknown[];
    run(...params: (string | number)[]): Promise<unknown> | unknown;
  };
}

/** Returns what resolves once the table is there; a failure is tried again at the next call. */
export function createSqlTable(
  database: SqlDatabase,
  table: string,
  columns: string,
): () => Promise<void> {
  let making: Promise<void> | undefined;

  async function make(): Promise<void> {
    try {
      await database.prepare(`CREATE TABLE IF NOT EXISTS ${table} (${columns})`).run();
    } catch {
      // Two that create it at once: the loser's statement may fail, and the table is there all the same.
      await database.prepare(`SELECT 1 FROM ${table} LIMIT 1`).all();
    }
  }

  return async () => {
    making ??= make();
    try {
      await making;
    } catch (error) {
      making = undefined;
      throw error;
    }
  };
}
