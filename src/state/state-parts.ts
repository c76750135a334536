/** What the memory is made of, put together once for a store. */
import type { Clock, Random } from "../contract/clock.ts";
import type { Log } from "../contract/log.ts";
import type { CooldownRecord, CredentialRecord, DisableRecord } from "../contract/records.ts";
import { createStoreIdentity } from "./store/store-identity.ts";
import { createCreationStore, type KeptCreations } from "./creation-store.ts";
import { createKnownRecords, type KnownRecords } from "./records/known-records.ts";
import { createGuard, GRACE, type Guard } from "./refill-store.ts";
import { createTombstones, type Tombstones } from "./records/tombstones.ts";
import { createTokenStore, type KeptTokens } from "./token-store.ts";
import { createQuarantine } from "./store/quarantine.ts";
import type { Quarantine } from "./store/quarantine.ts";
import { createRecordCells } from "./records/record-cell.ts";
import { createCountersWriter } from "./counters/counters-writer.ts";
import type { CountersWriter } from "./counters/counters-writer.ts";
import { createCounters } from "./counters/usage-counters.ts";
import type { Counters } from "./counters/usage-counters.ts";
import { createClockOffset, type ClockOffset } from "./store/clock-offset.ts";
import { createExpiry } from "./records/cooldown-expiry.ts";
import type { Expiry } from "./records/cooldown-expiry.ts";
import { createFaults } from "./store/store-faults.ts";
import type { FaultListener, Faults } from "./store/store-faults.ts";
import { createSemaphore } from "../shared/semaphore.ts";
import type { Semaphore } from "../shared/semaphore.ts";
import { createStateKeys, toHex } from "./records/record-keys.ts";
import type { StateKeys } from "./records/record-keys.ts";
import { PORTIONS_AT_ONCE } from "./records/list-records.ts";
import { createMemoryStorage } from "./store/memory-storage.ts";
import { createLeases, type KeptLeases } from "./leases.ts";
import { createJournal } from "./drivers/choose-journal.ts";
import type { Journal } from "./drivers/choose-journal.ts";
import { createRecentWrites, type RecentWrites } from "./records/recent-writes.ts";
import { createSeal, type Seal } from "./secrets/seal.ts";
import { COOLDOWN, CREDENTIAL, MARK } from "./records/record-kinds.ts";
import type { RecordKind } from "./records/record-kinds.ts";
import { createFirstSeen } from "./records/first-seen.ts";
import type { FirstSeen } from "./records/first-seen.ts";
import { driverName, writesInPlace } from "./store/storage.ts";
import type { StateStorage, StoredValue } from "./store/storage.ts";
import { createWriteBehind } from "./records/write-behind.ts";
import type { WriteBehind } from "./records/write-behind.ts";

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
  /** This is declared the only instance: nobody else can know what a store has lost. */
  isOnly?: boolean | undefined;
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
  drift: ClockOffset;
  /** `undefined` where there is nobody to hear of. */
  journal: Journal | undefined;
  /** What was written of late, by key. */
  recent: RecentWrites<CooldownRecord | DisableRecord | CredentialRecord>;
  aside: Quarantine;
  faults: Faults;
  expiry: Expiry;
  sights: FirstSeen;
  /** Bounds the reading of many records. */
  reading: Semaphore;
  cooldowns: WriteBehind<CooldownRecord>;
  marks: WriteBehind<DisableRecord>;
  credentials: WriteBehind<CredentialRecord>;
  leases: KeptLeases;
  tokens: KeptTokens;
  creations: KeptCreations;
  /** What this instance knows to stand in the store, by key. */
  known: {
    cooldowns: KnownRecords<CooldownRecord>;
    marks: KnownRecords<DisableRecord>;
    credentials: KnownRecords<CredentialRecord>;
  };
  removals: Tombstones;
  /** Watches whether the store is still the one that was filled; `undefined` where it ends with the process. */
  guard: Guard | undefined;
  /** Key under which the store is named. */
  birthKey: string;
  seal: Seal;
  counters: Counters;
  countersWriter: CountersWriter;
  /** Key of this instance's counters, without the number of the shard. */
  countersPrefix: string;
  pendingWrites(): number;
  /** Calls `listener` for each record that was written, as it is stored. */
  onWritten(listener: (key: string, value: StoredValue) => void): void;
  /** Calls `listener` whenever something is written that no journal tells of. */
  onTouched(listener: () => void): void;
  /** Hears that a part has nothing left to try again, and clears the fault when none has. */
  onWell(): void;
}

/** The kinds of records, as this instance reads and writes them. */
export interface Kinds {
  cooldown: RecordKind<CooldownRecord>;
  mark: RecordKind<DisableRecord>;
  credential: RecordKind<CredentialRecord>;
}

const LADDER_DECAY = 3_600_000;
const WRITES_AT_ONCE = 64;

export function createParts(options: StateOptions): StateParts {
  const { base, clock, random, log } = options;
  const storage = options.storage ?? createMemoryStorage();
  const aside = createQuarantine(storage, base, log);
  const faults = createFaults(log, options.onFault, driverName(storage, base), clock);
  const gate = createSemaphore(WRITES_AT_ONCE);
  const inPlace = writesInPlace(storage, base);
  const instance = uniqueId();
  const countersPrefix = `${base}:i:${instance}:`;

  const known: StateParts["known"] = {
    cooldowns: createKnownRecords(COOLDOWN.merge),
    marks: createKnownRecords(MARK.merge),
    credentials: createKnownRecords(CREDENTIAL.merge),
  };
  const expiry = createExpiry(clock, options.ladderDecay ?? LADDER_DECAY, (key) => {
    known.cooldowns.drop(key);
    void cooldowns.removeDead(key, expiry.isDead);
  });
  const keys = createStateKeys(base);
  const leases = createLeases({ storage: options.storage, base, clock, keys, faults, instance });
  const drift = createClockOffset(clock, options.sharedTime ?? leases.time, log);
  const kinds: Kinds = { cooldown: drift.of(COOLDOWN), mark: MARK, credential: CREDENTIAL };
  const recent = createRecentWrites<CooldownRecord | DisableRecord | CredentialRecord>(clock);
  let onWritten: (key: string, value: StoredValue) => void = () => {};
  let onTouched = (): void => {};
  const cooldowns = writerOf(kinds.cooldown, (key, record) => {
    known.cooldowns.note(key, record);
    expiry.track(key, record);
  });
  const marks = writerOf(kinds.mark, known.marks.note);
  const credentials = writerOf(kinds.credential, (key, record) => {
    known.credentials.note(key, record);
    removals.track(key, record);
  });
  const removals = createTombstones({ clock, keys, known, marks, credentials });
  const tell = (key: string, value: StoredValue): void => onWritten(key, value);
  const seal = createSeal(options.secrets ?? []);
  const sharedTime = options.sharedTime ?? leases.time;
  const birth = createStoreIdentity({ storage, base, clock, aside, sharedTime, onNamed: tell });
  const counters = createCounters(clock, instance, () => countersWriter.wake());
  const countersWriter = createCountersWriter({
    storage,
    prefix: countersPrefix,
    counters,
    clock,
    faults,
    onWell() {
      onTouched();
      onWell();
    },
  });

  function writerOf<R extends CooldownRecord | DisableRecord | CredentialRecord>(
    kind: RecordKind<R>,
    track: (key: string, record: R) => void,
  ): WriteBehind<R> {
    const cells = createRecordCells(storage, kind, aside, inPlace);
    const onStored = (key: string, record: R, isNew: boolean): void => {
      track(key, record);
      recent.note(key, record);
      if (isNew) onWritten(key, kind.toStored(record));
      onTouched();
    };
    return createWriteBehind({ kind, cells, gate, clock, faults, onStored, onWell });
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

  const journal =
    options.sync === false
      ? undefined
      : createJournal({ ...options, storage: options.storage, instance });
  // Inside one process the others hear of it at once; where there are no others there is nobody to wait for.
  const grace = options.isOnly || journal?.tier === "process" ? 0 : GRACE;
  const report = (error: unknown): void => faults.report("sync", undefined, error);

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
    journal,
    recent,
    onWritten: (listener) => void (onWritten = listener),
    onTouched: (listener) => void (onTouched = listener),
    leases,
    tokens: createTokenStore({ storage, keys, seal, aside, faults, drift }),
    creations: createCreationStore({ storage, base, keys, aside, faults, clock, tell }),
    known,
    removals,
    guard: options.storage && createGuard({ birth, now: clock.now, grace, report }),
    birthKey: birth.key,
    credentials,
    seal,
    aside,
    faults,
    expiry,
    sights: createFirstSeen(clock),
    reading: createSemaphore(PORTIONS_AT_ONCE),
    cooldowns,
    marks,
    counters,
    countersWriter,
    countersPrefix,
    pendingWrites,
    onWell,
  };
}

// Not from the random that is injected: two instances that draw the same numbers must not be one.
function uniqueId(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(8)));
}
