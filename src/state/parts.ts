/** What the memory is made of, put together once for a store. */
import type { Clock, Random } from "../contract/clock.ts";
import type { Log } from "../contract/log.ts";
import type { CooldownRecord, CredentialRecord, MarkRecord } from "../contract/state.ts";
import { createAside } from "./aside.ts";
import type { Aside } from "./aside.ts";
import { createCells } from "./cell.ts";
import { createCountersWriter } from "./counters-store.ts";
import type { CountersWriter } from "./counters-store.ts";
import { createCounters } from "./counters.ts";
import type { Counters } from "./counters.ts";
import { createDrift, type Drift, type SharedClock } from "./drift.ts";
import { createExpiry } from "./expiry.ts";
import type { Expiry } from "./expiry.ts";
import { createFaults } from "./faults.ts";
import type { FaultListener, Faults } from "./faults.ts";
import { createGate } from "./gate.ts";
import type { Gate } from "./gate.ts";
import { createStateKeys, toHex } from "./keys.ts";
import type { StateKeys } from "./keys.ts";
import { PORTIONS_AT_ONCE } from "./listing.ts";
import { createMemoryStorage } from "./memory-storage.ts";
import type { Leases } from "../contract/lease.ts";
import { createLeases, type StoreLeases } from "./leases/leases.ts";
import { createJournal } from "./journal/journal.ts";
import type { Journal } from "./journal/journal.ts";
import { createRecent, type Recent } from "./recent.ts";
import { createSeal, type Seal } from "./seal.ts";
import { COOLDOWN, CREDENTIAL, MARK } from "./records.ts";
import type { RecordKind } from "./records.ts";
import { createSights } from "./sight.ts";
import type { Sights } from "./sight.ts";
import { writesInPlace } from "./storage.ts";
import type { StateStorage, StoredValue } from "./storage.ts";
import { createWriter } from "./writer.ts";
import type { Writer } from "./writer.ts";

export interface StateOptions {
  /** Root storage of unstorage, 1 or 2. Without one nothing outlives the process. */
  storage?: StateStorage | undefined;
  /** Prefix of every key, without a trailing colon. */
  base: string;
  clock: Clock;
  random: Random;
  log: Log;
  /** Seal tokens and keys at rest: the first seals, all open. */
  secrets?: readonly string[] | undefined;
  /** `false` hears nothing of other instances; ms between two looks, in place of the driver's own. */
  sync?: number | false | undefined;
  /** The clock that all instances share; the store's own unless told otherwise. */
  sharedTime?: (() => Promise<number>) | undefined;
  /** Hears of each call to the store that fails. */
  onFault?: FaultListener | undefined;
  /**
   * How long a cooldown is remembered after its end, because its ladder still counts, in ms.
   * @default 3_600_000
   */
  ladderDecay?: number | undefined;
}

export interface StateParts {
  storage: StateStorage;
  base: string;
  clock: Clock;
  random: Random;
  log: Log;
  /** Name of this instance among all. */
  instance: string;
  keys: StateKeys;
  kinds: Kinds;
  drift: Drift;
  /** `undefined` where there is nobody to hear of. */
  journal: Journal | undefined;
  /** What was written of late, by key. */
  recent: Recent<CooldownRecord | MarkRecord | CredentialRecord>;
  aside: Aside;
  faults: Faults;
  expiry: Expiry;
  sights: Sights;
  /** Bounds the reading of many records. */
  reading: Gate;
  cooldowns: Writer<CooldownRecord>;
  marks: Writer<MarkRecord>;
  credentials: Writer<CredentialRecord>;
  leases: Leases;
  seal: Seal;
  counters: Counters;
  countersWriter: CountersWriter;
  /** Key of this instance's counters, without the number of the shard. */
  countersPrefix: string;
  pendingWrites(): number;
  /** Calls `listener` for each record that was written, as it is stored. */
  onWritten(listener: (key: string, value: StoredValue) => void): void;
  /** Hears that a part has nothing left to try again, and clears the fault when none has. */
  onWell(): void;
}

/** The kinds of records, as this instance reads and writes them. */
export interface Kinds {
  cooldown: RecordKind<CooldownRecord>;
  mark: RecordKind<MarkRecord>;
  credential: RecordKind<CredentialRecord>;
}

const LADDER_DECAY = 3_600_000;
const WRITES_AT_ONCE = 64;

export function createParts(options: StateOptions): StateParts {
  const { base, clock, random, log } = options;
  const storage = options.storage ?? createMemoryStorage();
  const aside = createAside(storage, base, log);
  const faults = createFaults(log, options.onFault);
  const gate = createGate(WRITES_AT_ONCE);
  const inPlace = writesInPlace(storage, base);
  const instance = uniqueId();
  const countersPrefix = `${base}:i:${instance}:`;

  const expiry = createExpiry(clock, options.ladderDecay ?? LADDER_DECAY, (key) => {
    void cooldowns.removeDead(key, expiry.isDead);
  });
  const keys = createStateKeys(base);
  const leases = createLeases({ storage: options.storage, base, clock, keys, faults, instance });
  const drift = createDrift(clock, sharedClockOf(options, leases), log);
  const kinds: Kinds = { cooldown: drift.of(COOLDOWN), mark: MARK, credential: CREDENTIAL };
  const recent = createRecent<CooldownRecord | MarkRecord | CredentialRecord>(clock);
  let onWritten: (key: string, value: StoredValue) => void = () => {};
  const cooldowns = writerOf(kinds.cooldown, expiry.track);
  const marks = writerOf(kinds.mark, () => {});
  const credentials = writerOf(kinds.credential, () => {});
  const counters = createCounters(clock, instance, () => countersWriter.wake());
  const countersWriter = createCountersWriter({
    storage,
    prefix: countersPrefix,
    counters,
    clock,
    faults,
    onWell,
  });

  function writerOf<R extends CooldownRecord | MarkRecord | CredentialRecord>(
    kind: RecordKind<R>,
    track: (key: string, record: R) => void,
  ): Writer<R> {
    const cells = createCells(storage, kind, aside, inPlace);
    const onStored = (key: string, record: R, isNew: boolean): void => {
      track(key, record);
      recent.note(key, record);
      if (isNew) onWritten(key, kind.toStored(record));
    };
    return createWriter({ kind, cells, gate, clock, faults, onStored, onWell });
  }

  function pendingWrites(): number {
    return (
      cooldowns.failed() +
      marks.failed() +
      credentials.failed() +
      (countersWriter.hasFailed() ? 1 : 0)
    );
  }

  function onWell(): void {
    if (pendingWrites() === 0) faults.clear("write", "remove");
  }

  return {
    storage,
    base,
    clock,
    random,
    log,
    instance,
    keys,
    kinds,
    drift,
    journal:
      options.sync === false
        ? undefined
        : createJournal({ ...options, storage: options.storage, instance }),
    recent,
    onWritten: (listener) => void (onWritten = listener),
    leases,
    credentials,
    seal: createSeal(options.secrets ?? []),
    aside,
    faults,
    expiry,
    sights: createSights(clock),
    reading: createGate(PORTIONS_AT_ONCE),
    cooldowns,
    marks,
    counters,
    countersWriter,
    countersPrefix,
    pendingWrites,
    onWell,
  };
}

function sharedClockOf({ sharedTime }: StateOptions, leases: StoreLeases): SharedClock {
  return sharedTime ? { time: sharedTime, hasClock: true } : leases;
}

// Not from the random that is injected: two instances that draw the same numbers must not be one.
function uniqueId(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(8)));
}
