/** Strength of a lease: one holder at a time, very likely one holder, or `process` if no store is shared. */
export type LeaseTier = "atomic" | "best-effort" | "process";

/** Exclusive right to one shared task until `until`. */
export interface Lease {
  name: string;
  /** Number that is higher than that of every earlier holder: data written under a lower one is ignored (M3). */
  generation: number;
  /** End of the lease, UTC epoch ms of this process; nothing may be started under the lease after it. */
  until: number;
  /** Releases the lease if it is still held. Never rejects. */
  release(): Promise<void>;
}

/** Leases on a store. */
export interface Leases {
  readonly tier: LeaseTier;
  /**
   * Acquires a lease for `ttl` ms. Returns `undefined` if another instance holds it or the store fails: an error while locking
   * counts as "not acquired" and is reported. Never rejects. `onlyWhole`: no lease while the store has lost its data, or is so new
   * that it may have.
   */
  acquire(name: string, ttl: number, onlyWhole?: boolean): Promise<Lease | undefined>;
  /** Returns the time of the store, UTC epoch ms, if it has a clock; otherwise that of this process. Rejects if the store is down. */
  time(): Promise<number>;
}
