/** How sure a lease is: one holder at a time, or most likely one. `process` where there is no store to share. */
export type LeaseTier = "atomic" | "best-effort" | "process";

/** The right to do one shared thing alone until `until`. */
export interface Lease {
  name: string;
  /** Higher than that of every holder before, for ever: what is written under a lower one is read by nobody (M3). */
  generation: number;
  /** UTC epoch ms of our own clock; nothing may be begun under the lease after it. */
  until: number;
  /** Gives it back where it is still ours. Never rejects. */
  release(): Promise<void>;
}

export interface Leases {
  readonly tier: LeaseTier;
  /**
   * Takes a lease for `ttl` ms. `undefined` where another holds it, and where the store failed: an error while locking
   * counts as "not acquired" and is reported. Never rejects. `onlyWhole`: none is given while the store has lost what it held,
   * or is so young that it may have.
   */
  acquire(name: string, ttl: number, onlyWhole?: boolean): Promise<Lease | undefined>;
  /** The store's own clock, UTC epoch ms, where it has one that all instances share; otherwise ours. Rejects where the store is down. */
  time(): Promise<number>;
}
