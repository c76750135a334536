/** What every part of the state uses to access the store. */
import type { Clock, Random } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import { withWholeCluster } from "../drivers/redis-cluster.ts";
import { createLeases, type KeptLeases } from "../leases.ts";
import { createStateKeys, type StateKeys, toHex } from "../records/record-keys.ts";
import { createSeal, type Seal } from "../secrets/seal.ts";
import type { StateOptions } from "../state-options.ts";
import { type ClockOffset, createClockOffset } from "./clock-offset.ts";
import { KeyIndex } from "./key-index.ts";
import { createMemoryStorage } from "./memory-storage.ts";
import { createQuarantine, type Quarantine } from "./quarantine.ts";
import { driverName, type StateStorage } from "./storage.ts";
import { createFaults, type Faults } from "./store-faults.ts";
import { createTimedStorages } from "./timed-storage.ts";

export interface StoreParts {
  /** The storage as it was configured: it names its driver, and its calls have no time limit. */
  root: StateStorage;
  /** The storage for single records. */
  storage: StateStorage;
  /** The same, with more time for each call: for loads. */
  patient: StateStorage;
  /** Notes the keys where the store does not list them. */
  index: KeyIndex;
  base: string;
  clock: Clock;
  /** Measures the time limits of calls to the store. */
  limits: Pick<Clock, "after">;
  random: Random;
  log: Log;
  /** Unique name of this instance. */
  instance: string;
  keys: StateKeys;
  faults: Faults;
  quarantine: Quarantine;
  leases: KeptLeases;
  /** Leases of this process alone, where no other instance exists. */
  ownLeases: KeptLeases | undefined;
  /** The clock that all instances share, UTC epoch ms. */
  sharedTime(): Promise<number>;
  clockOffset: ClockOffset;
  seal: Seal;
}

/** `onLate` is called with the key of a write that was given up and has happened all the same. */
export function createStoreParts(options: StateOptions, onLate: (key: string) => void): StoreParts {
  const { base, clock, random, log } = options;
  const { limits = clock } = options;
  const root = options.storage ?? createMemoryStorage();
  const timed = createTimedStorages(
    withWholeCluster(root, base),
    { now: clock.now, after: limits.after },
    onLate,
  );
  const index = new KeyIndex(timed.patient, base);
  const [storage, patient] = [index.around(timed.storage), index.around(timed.patient)];
  const faults = createFaults(log, options.onFault, driverName(root, base), clock);
  const instance = uniqueId();
  const keys = createStateKeys(base);
  const { storage: configured } = options;
  const locks = { storage: configured, plain: storage, base, clock };
  const leasing = { ...locks, limits, keys, faults, instance };
  const leases = createLeases(leasing);
  const sharedTime = options.sharedTime ?? leases.time;
  return {
    root,
    storage,
    patient,
    index,
    base,
    clock,
    limits,
    random,
    log,
    instance,
    keys,
    faults,
    quarantine: createQuarantine(storage, base, log),
    leases,
    ownLeases: options.isOnly ? createLeases({ ...leasing, storage: undefined }) : undefined,
    sharedTime,
    clockOffset: createClockOffset(clock, sharedTime, log),
    seal: createSeal(options.secrets ?? []),
  };
}

// Not from the injected random: two instances that draw the same numbers must not have the same name.
function uniqueId(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(8)));
}
