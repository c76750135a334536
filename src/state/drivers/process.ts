// Relays of one process that share a storage: locks and changes in memory, without a timer.
import type { Clock } from "../../contract/clock.ts";
import type { LeaseTier } from "../../contract/lease.ts";
import type { Journal, LockKind } from "./driver.ts";

interface Lock {
  owner: string;
  generation: number;
  until: number;
}

const sharedLocks = new WeakMap<object, Map<string, Lock>>();

/** `key` identifies the storage: relays with the same key share their locks. */
export function createProcessLocks(key: object, clock: Clock, tier: LeaseTier): LockKind {
  const locks = sharedLocks.get(key) ?? new Map<string, Lock>();
  sharedLocks.set(key, locks);
  return {
    tier,
    // Read and written in one turn of the event loop.
    async take(name, owner, ttl) {
      const now = clock.now();
      const held = locks.get(name);
      if (held && held.until > now) return 0;
      const generation = (held?.generation ?? 0) + 1;
      locks.set(name, { owner, generation, until: now + ttl });
      return generation;
    },
    async release(name, owner) {
      const held = locks.get(name);
      if (held?.owner === owner) held.until = 0;
    },
    time: async () => clock.now(),
  };
}

interface SharedTexts {
  texts: string[];
  /** How many texts have been removed from the front. */
  removed: number;
  wakes: Set<() => void>;
}

const KEPT = 1_000;
const sharedTexts = new WeakMap<object, SharedTexts>();

/** `key` identifies the storage: relays with the same key receive each other's changes. */
export function createProcessJournal(key: object): Journal {
  const shared = sharedTexts.get(key) ?? { texts: [], removed: 0, wakes: new Set() };
  sharedTexts.set(key, shared);
  let position = 0;
  let ownWake: (() => void) | undefined;

  function append(text: string): void {
    shared.texts.push(text);
    if (shared.texts.length > 2 * KEPT) shared.removed += shared.texts.splice(0, KEPT).length;
    for (const wake of shared.wakes) if (wake !== ownWake) wake();
  }

  return {
    tier: "process",
    interval: 0,
    begin: async () => void (position = shared.removed + shared.texts.length),
    async exchange(text) {
      if (text !== undefined) append(text);
      const hasMissed = position < shared.removed;
      const texts = shared.texts.slice(Math.max(0, position - shared.removed));
      position = shared.removed + shared.texts.length;
      return { texts, hasMissed, hasMore: false };
    },
    onNews(wake) {
      ownWake = wake;
      shared.wakes.add(wake);
      return () => void shared.wakes.delete(wake);
    },
  };
}
