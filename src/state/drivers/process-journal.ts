// Relays that share a storage inside one process: handed over in memory, without a timer.
import type { Journal } from "./choose-journal.ts";

interface Shared {
  texts: string[];
  /** How many texts have been dropped at the front. */
  dropped: number;
  wakes: Set<() => void>;
}

const KEPT = 1_000;
const shared = new WeakMap<object, Shared>();

/** `key` stands for the storage: what has the same one hears of each other. */
export function createProcessJournal(key: object): Journal {
  const all = shared.get(key) ?? { texts: [], dropped: 0, wakes: new Set() };
  shared.set(key, all);
  let position = 0;
  let mine: (() => void) | undefined;

  function append(text: string): void {
    all.texts.push(text);
    if (all.texts.length > 2 * KEPT) all.dropped += all.texts.splice(0, KEPT).length;
    for (const wake of all.wakes) if (wake !== mine) wake();
  }

  return {
    tier: "process",
    interval: 0,
    begin: async () => void (position = all.dropped + all.texts.length),
    async exchange(text) {
      if (text !== undefined) append(text);
      const hasMissed = position < all.dropped;
      const texts = all.texts.slice(Math.max(0, position - all.dropped));
      position = all.dropped + all.texts.length;
      return { texts, hasMissed, hasMore: false };
    },
    onNews(wake) {
      mine = wake;
      all.wakes.add(wake);
      return () => void all.wakes.delete(wake);
    },
  };
}
