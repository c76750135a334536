/** The records that are in the store as far as this instance knows: an emptied store is refilled from them (M5). */
import { setBounded } from "../../shared/bounded-map.ts";

export interface KnownRecords<R> {
  /** Notes a record, merged with the one known under its key. */
  note(key: string, record: R): void;
  get(key: string): R | undefined;
  keys(): Iterable<string>;
  drop(key: string): void;
  /** The records that are missing in `stored`, or win against the stored ones. */
  missingFrom(stored: ReadonlyMap<string, R>): [key: string, record: R][];
}

/** More than a store holds; beyond this the record that was added first is dropped. */
const LIMIT = 200_000;

export function createKnownRecords<R>(
  merge: (a: R, b: R) => R,
  limit: number = LIMIT,
): KnownRecords<R> {
  const records = new Map<string, R>();

  return {
    note(key, record) {
      const known = records.get(key);
      setBounded(records, key, known === undefined ? record : merge(known, record), limit);
    },
    get: (key) => records.get(key),
    keys: () => records.keys(),
    drop: (key) => void records.delete(key),
    missingFrom: (stored) =>
      [...records].filter(([key, record]) => {
        const there = stored.get(key);
        return there === undefined || merge(there, record) !== there;
      }),
  };
}
