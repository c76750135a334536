// What a kind of driver provides for several instances: locks for leases, and a journal of changes. One file per kind.
import type { Clock, Random } from "../../contract/clock.ts";
import type { LeaseTier } from "../../contract/lease.ts";
import type { SyncTier } from "../../contract/state.ts";
import type { StateStorage } from "../store/storage.ts";

/** No lease lasts longer, in ms: a lock with a later end is damaged, and free (K17). */
export const LONGEST_LOCK: number = 24 * 3_600_000;
/** Generations above this cannot be counted exactly: such a counter is damaged, and continues at the present time in epoch ms. */
export const LAST_GENERATION: number = 2 ** 53 - 2 ** 20;

/** True if a lock with this end is held. */
export function isHeldUntil(until: unknown, now: number): boolean {
  return typeof until === "number" && until > now && until <= now + LONGEST_LOCK;
}

/** The generation after the one that is stored, higher than every one before. */
export function nextGeneration(stored: unknown, now: number): number {
  if (stored === undefined || stored === null) return 1;
  const isCounted = Number.isSafeInteger(stored) && Number(stored) >= 0;
  return isCounted && Number(stored) < LAST_GENERATION ? Number(stored) + 1 : now;
}

/** The locks of a driver, each held by one owner for a limited time. `name` is a key that the driver accepts unchanged. */
export interface LockKind {
  tier: LeaseTier;
  /** Takes the lock for `ttl` ms. Returns its generation, higher than every one before, or 0 when another owner holds it. */
  take(name: string, owner: string, ttl: number): Promise<number>;
  /** Releases the lock if `owner` still holds it. */
  release(name: string, owner: string, generation: number): Promise<void>;
  /** The clock that all instances share, UTC epoch ms. */
  time(): Promise<number>;
}

export interface ReceivedChanges {
  /** The texts appended since the last exchange, in order. Texts of this instance may be among them. */
  texts: string[];
  /** Changes were removed before this instance read them: everything must be read again. */
  hasMissed: boolean;
  /** More changes are waiting than one exchange returns. */
  hasMore: boolean;
  /** A value of this instance is missing: the store may have been emptied. */
  isDoubtful?: boolean;
}

/** Where changes are appended and read. An exchange is one call to the store, or two where the driver has plain values only. */
export interface Journal {
  tier: SyncTier;
  /** Time between two exchanges in ms; 0 when `onNews` reports new changes. */
  interval: number;
  /** Sets the starting point: every change appended after this is received. */
  begin(): Promise<void>;
  exchange(text: string | undefined): Promise<ReceivedChanges>;
  /** Cancels what it has scheduled. */
  stop?(): void;
  /** Calls `wake` when another instance has appended a change. Returns a function that ends the subscription. */
  onNews?(wake: () => void): () => void;
}

export interface DriverOptions {
  /** Without a storage there is no other instance to share with. */
  storage: StateStorage | undefined;
  /** The same storage with a time limit for each call, where plain values must do. @default `storage` */
  plain?: StateStorage | undefined;
  /** Prefix of every key, without a trailing colon. */
  base: string;
  clock: Clock;
}

export interface JournalOptions extends DriverOptions {
  /** Unique name of this instance. */
  instance: string;
  random: Random;
}
