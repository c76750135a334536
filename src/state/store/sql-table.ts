/** A separate table beside unstorage's, created when it is first needed. */

/** The few methods of a db0 database that are used. */
export interface SqlDatabase {
  dialect: string;
  prepare(sql: string): {
    all(...params: (string | number)[]): Promise<unknown[]> | unknown[];
    run(...params: (string | number)[]): Promise<unknown> | unknown;
  };
}

/** Returns a function that resolves when the table exists; after a failure the next call tries again. */
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
      // If two instances create it at once, one statement may fail although the table exists.
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
