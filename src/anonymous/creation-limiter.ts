// The right to create one anonymous token: counted before it is used, by everybody on the store, whatever comes of it (H2).
import type { Clock } from "../contract/clock.ts";
import type { CreateLimits } from "../contract/anonymous-source.ts";
import type { Lease, Leases } from "../contract/lease.ts";
import type { CreationRecord } from "../contract/records.ts";
import type { CreationStore } from "../contract/state.ts";
import {
  CALL_TIME,
  countsSince,
  DAY,
  MAX_COUNT_TO_CALL,
  HOUR,
  nextCreationAt,
} from "./creation-window.ts";

export interface LimiterOptions {
  /** Names the limiter in the store. */
  key: string;
  leases: Leases;
  creations: CreationStore;
  clock: Clock;
  /** Unique to this instance: attempts are named by it. */
  instance: string;
  /** This instance is declared the only creator: what it knows itself is enough while the store is down. */
  isOnly: boolean;
}

/** What came of an attempt. Times are UTC epoch ms by our own clock. */
export type Attempted<T> =
  | { kind: "made"; value: T }
  | { kind: "failed"; error: unknown }
  /** Nothing was made: the limiter opens at `at`. */
  | { kind: "later"; at: number }
  /** Another instance is at it. */
  | { kind: "held" }
  /** The store cannot be read or written: nothing is made. */
  | { kind: "down"; error: unknown }
  | { kind: "unwanted" };

export interface CreationLimiter {
  /**
   * Runs `create` where the limits allow it now. `isWanted` is asked under the lease, before anything is counted. `create`
   * must be over, or have given up, within `CALL_TIME`. `keep` stores what was made, still under the lease: whoever has it
   * next must find that.
   */
  attempt<T>(
    limits: CreateLimits,
    isWanted: () => Promise<boolean>,
    create: () => Promise<T>,
    keep?: (value: T) => Promise<void>,
  ): Promise<Attempted<T>>;
  /** When the next attempt may be made, as far as is known, by our own clock. */
  nextAt(limits: CreateLimits): number;
  /** Attempts in the last hour and in the last day, as far as is known. */
  counts(): { hour: number; day: number };
}

/** Longer than counting and calling may take together. */
const LEASE_TIME = 2 * (MAX_COUNT_TO_CALL + CALL_TIME);

export function createCreationLimiter(options: LimiterOptions): CreationLimiter {
  const { key, leases, creations, clock, instance, isOnly } = options;
  const known = new Map<string, CreationRecord>();
  const unstored = new Set<CreationRecord>();
  /** The store's clock less ours. */
  let ahead = 0;
  let hasListed = false;
  let isBusy = false;
  let made = 0;

  async function attempt<T>(
    limits: CreateLimits,
    isWanted: () => Promise<boolean>,
    create: () => Promise<T>,
    keep: (value: T) => Promise<void> = () => Promise.resolve(),
  ): Promise<Attempted<T>> {
    if (isBusy) return { kind: "held" };
    isBusy = true;
    const lease = await leases.acquire(`create:${key}`, LEASE_TIME, true);
    try {
      if (!lease && !isOnly) return { kind: "held" };
      if (!(await isWanted())) return { kind: "unwanted" };
      const counted = await count(limits, lease);
      if (!("id" in counted)) return counted;
      const came = await run(counted, create);
      if (came.kind === "made") await keep(came.value);
      return came;
    } catch (error) {
      return { kind: "down", error };
    } finally {
      isBusy = false;
      await lease?.release();
    }
  }

  /** Counts an attempt, or says why none may be made. */
  async function count(
    limits: CreateLimits,
    lease: Lease | undefined,
  ): Promise<CreationRecord | { kind: "later"; at: number }> {
    const begunAt = clock.now();
    const at = await storeTime();
    ahead = at - clock.now();
    await list(at);
    if (nextCreationAt([...known.values()], limits) > at) return later(limits);
    const record = { limiter: key, id: `${instance}-${++made}`, at, endedAt: undefined };
    await put(record);
    // Whoever wrote at the same time sees ours, or we see theirs: a lease that two hold lets nobody through.
    await list(at);
    const others = [...known.values()].filter(({ id }) => id !== record.id);
    const isLate =
      clock.now() - begunAt > MAX_COUNT_TO_CALL || (lease && clock.now() >= lease.until);
    if (!isLate && nextCreationAt(others, limits) <= at) return record;
    await end(record, at);
    return later(limits);
  }

  async function run<T>(
    record: CreationRecord,
    create: () => Promise<T>,
  ): Promise<Extract<Attempted<T>, { kind: "made" | "failed" }>> {
    try {
      return { kind: "made", value: await create() };
    } catch (error) {
      return { kind: "failed", error };
    } finally {
      // Without its end an attempt counts from the last moment it may have been seen: that is safe, too.
      await storeTime().then(
        (endedAt) => end(record, endedAt),
        () => {},
      );
    }
  }

  async function end(record: CreationRecord, endedAt: number): Promise<void> {
    await put({ ...record, endedAt }).catch(() => {});
  }

  /** Counts here first: an attempt that could not be stored stays counted, and is stored later. */
  async function put(record: CreationRecord): Promise<void> {
    known.set(record.id, record);
    try {
      await creations.add(record);
    } catch (error) {
      unstored.add(record);
      if (!knowsEnough()) throw error;
    }
  }

  async function list(at: number): Promise<void> {
    const before = countsSince(at);
    try {
      for (const record of unstored) {
        await creations.add(record);
        unstored.delete(record);
      }
      for (const record of await creations.list(key, before, at))
        if (record.endedAt !== undefined || !known.has(record.id)) known.set(record.id, record);
      hasListed = true;
    } catch (error) {
      if (!knowsEnough()) throw error;
    }
    for (const [id, record] of known) if (record.at < before) known.delete(id);
  }

  function storeTime(): Promise<number> {
    return leases.time().catch((error: unknown) => {
      if (!knowsEnough()) throw error;
      return clock.now() + ahead;
    });
  }

  // The only creator knows every attempt, once it has read those of its life before.
  function knowsEnough(): boolean {
    return isOnly && hasListed;
  }

  function later(limits: CreateLimits): { kind: "later"; at: number } {
    return { kind: "later", at: nextAt(limits) };
  }

  function nextAt(limits: CreateLimits): number {
    return nextCreationAt([...known.values()], limits) - ahead;
  }

  return {
    attempt,
    nextAt,
    counts() {
      const now = clock.now() + ahead;
      const since = (window: number): number =>
        [...known.values()].filter(({ at }) => at > now - window).length;
      return { hour: since(HOUR), day: since(DAY) };
    },
  };
}
