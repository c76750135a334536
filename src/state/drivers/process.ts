// Inside one process: look and take in one turn of the loop. Relays that share a storage share its locks.
import type { Clock } from "../../contract/clock.ts";
import type { LeaseTier } from "../../contract/lease.ts";
import type { LockKind } from "./driver.ts";

interface Lock {
  owner: string;
  generation: number;
  until: number;
}

const shared = new WeakMap<object, Map<string, Lock>>();

/** `key` stands for the storage: what has the same one has the same locks. */
export function createMemoryLocks(key: object, clock: Clock, tier: LeaseTier): LockKind {
  const locks = shared.get(key) ?? new Map<string, Lock>();
  shared.set(key, locks);
  return {
    tier,
    async take(name, owner, ttl) {
      const now = clock.now();
      const known = locks.get(name);
      if (known && known.until > now) return 0;
      const generation = (known?.generation ?? 0) + 1;
      locks.set(name, { owner, generation, until: now + ttl });
      return generation;
    },
    async release(name, owner) {
      const known = locks.get(name);
      if (known?.owner === owner) known.until = 0;
    },
    time: async () => clock.now(),
  };
}
