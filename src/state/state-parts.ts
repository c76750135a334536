/** The parts of a state, created once per store. */
import { createCounters, type Counters } from "./counters/usage-counters.ts";
import { createCountersWriter, type CountersWriter } from "./counters/counters-writer.ts";
import { createCreationStore, type KeptCreations } from "./creation-store.ts";
import { createJournal } from "./drivers/choose-driver.ts";
import type { Journal } from "./drivers/driver.ts";
import type { KnownRecords } from "./records/known-records.ts";
import { recordKey } from "./records/list-records.ts";
import { createRecordParts, type RecordParts, type WriteEvents } from "./records/record-parts.ts";
import type { WriteBehind } from "./records/write-behind.ts";
import type { StateOptions } from "./state-options.ts";
import { driverName } from "./store/storage.ts";
import type { StoredValue } from "./store/storage.ts";
import { createStoreIdentity, type StoreIdentity } from "./store/store-identity.ts";
import { StoreProver } from "./store/store-prover.ts";
import { createStoreGuard, GRACE, type StoreGuard } from "./store/store-guard.ts";
import { createStoreParts, type StoreParts } from "./store/store-parts.ts";
import { createTokenStore, type KeptTokens } from "./token-store.ts";

export interface StateParts extends StoreParts, RecordParts, CounterParts {
  tokens: KeptTokens;
  creations: KeptCreations;
  /** `undefined` where there are no other instances. */
  journal: Journal | undefined;
  /** Watches whether the store is still the one that was filled; `undefined` where it ends with the process. */
  guard: StoreGuard | undefined;
  identity: StoreIdentity;
  /** `undefined` where the store ends with the process. */
  prover: StoreProver | undefined;
  /** What is configured, to be read by name. */
  configured: {
    credentials(): Iterable<string>;
    cooldowns(): Iterable<readonly string[]>;
  };
  /** Keys of marks that are listed and not read yet. */
  unread: Set<string>;
  /** Since when listed keys have been read as nothing, epoch ms. */
  absences: Map<string, number>;
  /** How many writes failed and wait for a retry. */
  pendingWrites(): number;
  /** How many writes have not succeeded, those under way included. */
  unwritten(): number;
  /** Calls `listener` for each record that was written, as it is stored. */
  onWritten(listener: (key: string, value: StoredValue) => void): void;
  /** Calls `listener` for each write, also for those that no journal announces. */
  onTouched(listener: () => void): void;
}

interface CounterParts {
  counters: Counters;
  countersWriter: CountersWriter;
  /** Key of this instance's counters, without the number of the shard. */
  countersPrefix: string;
}

export function createStateParts(options: StateOptions): StateParts {
  const store = createStoreParts(options, (key) => writeAgain(records, key));
  const { storage, base, clock, faults, quarantine, sharedTime } = store;
  const events: WriteEvents = {
    written() {},
    touched() {},
    recovered: () => void (pendingWrites() === 0 && faults.clear("write", "remove")),
  };
  const records: RecordParts = createRecordParts(store, events);
  const counting = createCounterParts(store, events);

  function pendingWrites(): number {
    const { cooldowns, marks, credentials } = records;
    const failed = cooldowns.failed() + marks.failed() + credentials.failed();
    return failed + (counting.countersWriter.hasFailed() ? 1 : 0);
  }

  function unwritten(): number {
    const { cooldowns, marks, credentials } = records;
    const waiting = cooldowns.unwritten() + marks.unwritten() + credentials.unwritten();
    return waiting + counting.countersWriter.unwritten();
  }

  const announce = (key: string, value: StoredValue): void => events.written(key, value);
  const identity = createStoreIdentity({
    storage,
    base,
    clock,
    quarantine,
    sharedTime,
    isLagging: () => prover?.isLagging() ?? false,
    onNamed: announce,
  });
  const prover = options.storage && createProver(store);
  const journal =
    options.sync === false
      ? undefined
      : createJournal({
          ...options,
          storage: options.storage,
          plain: storage,
          instance: store.instance,
        });
  return {
    ...store,
    ...records,
    ...counting,
    tokens: createTokenStore(store),
    creations: createCreationStore({ ...store, announce }),
    journal,
    guard: options.storage && createGuard(store, identity, graceOf(options, journal)),
    identity,
    prover,
    configured: {
      credentials: options.credentials ?? (() => []),
      cooldowns: options.cooldowns ?? (() => []),
    },
    unread: new Set(),
    absences: new Map(),
    pendingWrites,
    unwritten,
    onWritten: (listener) => void (events.written = listener),
    onTouched: (listener) => void (events.touched = listener),
  };
}

// A write that was given up and happens later may replace a newer record: that is written once more.
function writeAgain({ knownRecords, ...writers }: RecordParts, place: string): void {
  const key = recordKey(place);
  const put = <R>(known: KnownRecords<R>, writer: WriteBehind<R>): void => {
    const record = known.get(key);
    if (record !== undefined) writer.put(key, record);
  };
  put(knownRecords.cooldowns, writers.cooldowns);
  put(knownRecords.marks, writers.marks);
  put(knownRecords.credentials, writers.credentials);
}

function createCounterParts(
  { storage, base, clock, faults, instance }: StoreParts,
  events: WriteEvents,
): CounterParts {
  const countersPrefix = `${base}:i:${instance}:`;
  const counters = createCounters(clock, instance, () => countersWriter.wake());
  const countersWriter = createCountersWriter({
    storage,
    prefix: countersPrefix,
    counters,
    clock,
    faults,
    onRecovered() {
      events.touched();
      events.recovered();
    },
  });
  return { counters, countersWriter, countersPrefix };
}

// Instances of one process receive each change at once; a single instance has no others to wait for.
function graceOf({ isOnly }: StateOptions, journal: Journal | undefined): number {
  return isOnly || journal?.tier === "process" ? 0 : GRACE;
}

function createProver(store: StoreParts): StoreProver {
  return new StoreProver({ ...store, driver: driverName(store.root, store.base) });
}

function createGuard(
  { clock, faults }: StoreParts,
  identity: ReturnType<typeof createStoreIdentity>,
  grace: number,
): StoreGuard {
  const report = (error: unknown): void => faults.report("sync", undefined, error);
  return createStoreGuard({ identity, now: clock.now, grace, report });
}
