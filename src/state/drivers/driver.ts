// What each kind of driver has to be able to do for a lease. One small file for each kind stands beside this one.
import type { LeaseTier } from "../../contract/lease.ts";

/** A lock that a driver holds for somebody, for some time. `name` is a key that the driver can take as it is. */
export interface LockKind {
  tier: LeaseTier;
  /** Takes the lock; returns its generation, higher than every one before, or 0 where somebody else holds it. */
  take(name: string, owner: string, ttl: number): Promise<number>;
  /** Gives it back where `owner` still holds it. */
  release(name: string, owner: string, generation: number): Promise<void>;
  /** The clock that all instances share, UTC epoch ms. */
  time(): Promise<number>;
}
