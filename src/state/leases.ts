/** Leases: one holder at a time for one shared action, as reliable as the store's driver allows; `tier` says how reliable. */
import type { Clock } from "../contract/clock.ts";
import type { Lease, Leases } from "../contract/lease.ts";
import type { Faults } from "./store/store-faults.ts";
import type { StateKeys } from "./records/record-keys.ts";
import { RECORD_TIME, within } from "./store/time-limit.ts";
import { createLocks } from "./drivers/choose-driver.ts";
import type { DriverOptions } from "./drivers/driver.ts";

export interface LeaseOptions extends DriverOptions {
  keys: StateKeys;
  faults: Faults;
  /** Unique name of this instance. */
  instance: string;
  /** Measures the time limits of calls. @default `clock` */
  limits?: Pick<Clock, "after"> | undefined;
}

/** Leases that can be written back into a store that was emptied. */
export interface KeptLeases extends Leases {
  /** Takes the leases that this instance holds again. Rejects when the store fails. */
  retake(): Promise<void>;
  /** True if a lease that is held is refused. Rejects when the store fails. */
  areExclusive(): Promise<boolean>;
}

interface HeldLease {
  id: string;
  owner: string;
  until: number;
  /** Counted by the driver; the count starts again in an emptied store. */
  generation: number;
}

/** Limit of a call to the locks, ms: a driver with plain values reads, writes, waits and reads. */
const LOCK_TIME = RECORD_TIME + 500;

/** Duration of the lease that is tried at start, ms. */
const PROBE_TIME = 5_000;

/** Creates the leases on a storage, with the locks of the driver behind `base`. */
export function createLeases(options: LeaseOptions): KeptLeases {
  const { base, clock, limits = clock, keys, faults, instance } = options;
  const locks = createLocks(options);
  const held = new Set<HeldLease>();
  let count = 0;

  async function acquire(name: string, ttl: number): Promise<Lease | undefined> {
    const owner = `${instance}-${(count += 1)}`;
    const startedAt = clock.now();
    try {
      // The base is part of the name: relays with different bases may share a table or a folder.
      const key = await keys.of("l", [base, name]);
      const id = key.slice(key.lastIndexOf(":") + 1);
      const taking = locks.take(id, owner, ttl);
      // Taken after the caller gave up: no other instance must wait for its end.
      const giveBack = (late: number): void =>
        void (late > 0 && locks.release(id, owner, late).catch(() => {}));
      const generation = await within(taking, LOCK_TIME, limits, giveBack);
      faults.clear("lease");
      if (generation === 0) return undefined;
      // Counted from before the call: by the store's clock the lease may have begun then.
      const until = startedAt + ttl;
      const own: HeldLease = { id, owner, until, generation };
      held.add(own);
      const release = (): Promise<void> => {
        held.delete(own);
        return within(locks.release(id, owner, own.generation), LOCK_TIME, limits).catch(
          (error: unknown) => {
            faults.report("lease", key, error);
          },
        );
      };
      return { name, generation, until, release };
    } catch (error) {
      faults.report("lease", undefined, error);
      return undefined;
    }
  }

  // If the lease still exists, or another instance holds it, taking it changes nothing.
  async function retake(): Promise<void> {
    for (const own of held) {
      const left = own.until - clock.now();
      if (left <= 0) held.delete(own);
      else {
        const taking = locks.take(own.id, own.owner, left);
        own.generation = (await within(taking, LOCK_TIME, limits)) || own.generation;
      }
    }
  }

  async function areExclusive(): Promise<boolean> {
    const key = await keys.of("l", [base, "probe"]);
    const id = key.slice(key.lastIndexOf(":") + 1);
    const owners = [`${instance}-1st`, `${instance}-2nd`];
    const taken: number[] = [];
    try {
      for (const owner of owners)
        taken.push(await within(locks.take(id, owner, PROBE_TIME), LOCK_TIME, limits));
    } catch (error) {
      faults.report("lease", key, error);
      throw error;
    }
    // Held by another instance that starts now: refused, too.
    for (const [at, owner] of owners.entries())
      if (taken[at]! > 0) await within(locks.release(id, owner, taken[at]!), LOCK_TIME, limits);
    return taken[1] === 0;
  }

  const time = (): Promise<number> => within(locks.time(), RECORD_TIME, limits);
  return { tier: locks.tier, acquire, time, retake, areExclusive };
}
