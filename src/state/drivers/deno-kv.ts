// Deno KV: a lock is written only if its version is still the one that was read.
import type { Clock } from "../../contract/clock.ts";
import { isFields } from "../../shared/json.ts";
import { isHeldUntil, type LockKind, nextGeneration } from "./driver.ts";
import { wallTime } from "../../shared/times.ts";

interface Entry {
  value: unknown;
  versionstamp: string | null;
}

/** The few methods of `Deno.Kv` that are used. */
export interface DenoKv {
  get(key: string[]): Promise<Entry>;
  atomic(): DenoAtomic;
}

interface DenoAtomic {
  check(entry: { key: string[]; versionstamp: string | null }): DenoAtomic;
  set(key: string[], value: unknown): DenoAtomic;
  commit(): Promise<{ ok: boolean }>;
}

interface Lock {
  owner: string;
  generation: number;
  until: number;
}

export function createDenoKvLocks(
  kv: () => Promise<DenoKv>,
  prefix: string,
  clock: Clock,
): LockKind {
  const keyOf = (name: string): string[] => ["leases", prefix + name];

  async function swap(name: string, entry: Entry, lock: Lock): Promise<boolean> {
    const key = keyOf(name);
    const { versionstamp } = entry;
    const store = await kv();
    return (await store.atomic().check({ key, versionstamp }).set(key, lock).commit()).ok;
  }

  return {
    tier: "atomic",
    async take(name, owner, ttl) {
      const entry = await (await kv()).get(keyOf(name));
      const held = isFields(entry.value) ? entry.value : undefined;
      if (isHeldUntil(held?.["until"], wallTime(clock))) return 0;
      const generation = nextGeneration(held?.["generation"], wallTime(clock));
      const isTaken = await swap(name, entry, { owner, generation, until: wallTime(clock) + ttl });
      return isTaken ? generation : 0;
    },
    async release(name, owner) {
      const entry = await (await kv()).get(keyOf(name));
      const held = entry.value as Lock | null;
      if (held?.owner === owner) await swap(name, entry, { ...held, until: 0 });
    },
    time: async () => wallTime(clock),
  };
}
