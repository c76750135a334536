/** What every part of the state uses to access the store. */
import type { Clock, Random } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import { createLeases, type KeptLeases } from "../leases.ts";
import { createStateKeys, type StateKeys, toHex } from "../records/record-keys.ts";
import { createSeal, type Seal } from "../secrets/seal.ts";
import type { StateOptions } from "../state-options.ts";
import { type ClockOffset, createClockOffset } from "./clock-offset.ts";
import { createMemoryStorage } from "./memory-storage.ts";
import { createQuarantine, type Quarantine } from "./quarantine.ts";
import { driverName, type StateStorage } from "./storage.ts";
import { createFaults, type Faults } from "./store-faults.ts";

export interface StoreParts {
  storage: StateStorage;
  base: string;
  clock: Clock;
  random: Random;
  log: Log;
  /** Unique name of this instance. */
  instance: string;
  keys: StateKeys;
  faults: Faults;
  quarantine: Quarantine;
  leases: KeptLeases;
  /** The clock that all instances share, UTC epoch ms. */
  sharedTime(): Promise<number>;
  clockOffset: ClockOffset;
  seal: Seal;
}

export function createStoreParts(options: StateOptions): StoreParts {
  const { base, clock, random, log } = options;
  const storage = options.storage ?? createMemoryStorage();
  const faults = createFaults(log, options.onFault, driverName(storage, base), clock);
  const instance = uniqueId();
  const keys = createStateKeys(base);
  const leases = createLeases({ storage: options.storage, base, clock, keys, faults, instance });
  const sharedTime = options.sharedTime ?? leases.time;
  return {
    storage,
    base,
    clock,
    random,
    log,
    instance,
    keys,
    faults,
    quarantine: createQuarantine(storage, base, log),
    leases,
    sharedTime,
    clockOffset: createClockOffset(clock, sharedTime, log),
    seal: createSeal(options.secrets ?? []),
  };
}

// Not from the injected random: two instances that draw the same numbers must not have the same name.
function uniqueId(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(8)));
}
