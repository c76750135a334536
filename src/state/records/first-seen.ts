/** Keeps a clock that is off from locking a key for longer than was meant. */
import type { Clock } from "../../contract/clock.ts";
import type { CooldownRecord } from "../../contract/records.ts";

export interface FirstSeen {
  /** Returns `record` with its `until` at most as long after first sight as it was after its writing. */
  asSeen(key: string, record: CooldownRecord): CooldownRecord;
}

interface Sight {
  writtenAt: number;
  seenAt: number;
}

export function createFirstSeen(clock: Clock): FirstSeen {
  const sights = new Map<string, Sight>();

  function asSeen(key: string, record: CooldownRecord): CooldownRecord {
    const { until, writtenAt } = record;
    const now = clock.now();
    if (writtenAt <= now && !sights.has(key)) return record;
    const seenAt = firstSight(key, writtenAt, now);
    return { ...record, until: Math.min(until, seenAt + Math.max(0, until - writtenAt)) };
  }

  // Only records from the future need it: for all others the moment of writing is the earlier one.
  function firstSight(key: string, writtenAt: number, now: number): number {
    const sight = sights.get(key);
    if (sight?.writtenAt === writtenAt) return sight.seenAt;
    if (writtenAt > now) sights.set(key, { writtenAt, seenAt: now });
    else sights.delete(key);
    return now;
  }

  return { asSeen };
}
