/** Bounds cooldowns written with a wrong clock: none lasts longer from its first sight than from its writing. */
import type { Clock } from "../../contract/clock.ts";
import type { CooldownRecord } from "../../contract/records.ts";

export interface FirstSeen {
  /** Returns `record` with its `until` limited to the first sight plus the duration that the writer meant. */
  asSeen(key: string, record: CooldownRecord): CooldownRecord;
}

interface Sighting {
  writtenAt: number;
  seenAt: number;
}

export function createFirstSeen(clock: Clock): FirstSeen {
  const sightings = new Map<string, Sighting>();

  function asSeen(key: string, record: CooldownRecord): CooldownRecord {
    const { until, writtenAt } = record;
    const now = clock.now();
    if (writtenAt <= now && !sightings.has(key)) return record;
    const seenAt = firstSight(key, writtenAt, now);
    return { ...record, until: Math.min(until, seenAt + Math.max(0, until - writtenAt)) };
  }

  // Only records from the future are noted: for all others the time of writing is the earlier one.
  function firstSight(key: string, writtenAt: number, now: number): number {
    const sight = sightings.get(key);
    if (sight?.writtenAt === writtenAt) return sight.seenAt;
    if (writtenAt > now) sightings.set(key, { writtenAt, seenAt: now });
    else sightings.delete(key);
    return now;
  }

  return { asSeen };
}
