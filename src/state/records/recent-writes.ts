/** The records that this instance wrote recently: a concurrent write of another instance to the same key is merged with them again (K5). */
import type { Clock } from "../../contract/clock.ts";

export interface RecentWrites<R> {
  note(key: string, record: R): void;
  get(key: string): R | undefined;
}

/** Longer than two writes of one key can overlap, ms. */
const RECENT = 60_000;
const LIMIT = 20_000;

export function createRecentWrites<R>(clock: Clock): RecentWrites<R> {
  const notes = new Map<string, { record: R; at: number }>();

  function forgetOld(now: number): void {
    for (const [key, { at }] of notes) {
      if (now - at < RECENT && notes.size <= LIMIT) return;
      notes.delete(key);
    }
  }

  return {
    note(key, record) {
      const at = clock.now();
      notes.delete(key);
      notes.set(key, { record, at });
      forgetOld(at);
    },
    get: (key) => notes.get(key)?.record,
  };
}
