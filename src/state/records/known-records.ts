/** What this instance knows to stand in the store, as it is stored there: an emptied one is filled from it (M5). */

export interface KnownRecords<R> {
  /** Takes a record in, merged with what is known of its key. */
  note(key: string, record: R): void;
  get(key: string): R | undefined;
  drop(key: string): void;
  /** What is missing in `stored`, or better than what stands there. */
  missingFrom(stored: ReadonlyMap<string, R>): [key: string, record: R][];
}

/** Beyond what a store of ours holds; what was noted longest ago goes first. */
const LIMIT = 200_000;

export function createKnownRecords<R>(
  merge: (a: R, b: R) => R,
  limit: number = LIMIT,
): KnownRecords<R> {
  const records = new Map<string, R>();

  return {
    note(key, record) {
      const held = records.get(key);
      records.set(key, held === undefined ? record : merge(held, record));
      if (records.size <= limit) return;
      for (const oldest of records.keys()) return void records.delete(oldest);
    },
    get: (key) => records.get(key),
    drop: (key) => void records.delete(key),
    missingFrom: (stored) =>
      [...records].filter(([key, record]) => {
        const there = stored.get(key);
        return there === undefined || merge(there, record) !== there;
      }),
  };
}
