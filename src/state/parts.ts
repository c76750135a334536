/** What the memory is made of, put together once for a store. */
import type { Clock, Random } from "../contract/clock.ts";
import type { Log } from "../contract/log.ts";
import type { CooldownRecord, CredentialRecord, MarkRecord } from "../contract/state.ts";
import { createBirth } from "./birth.ts";
import { createCreationStore, type KeptCreations } from "./creations.ts";
import { createKnown, type Known } from "./known.ts";
import { createGuard, GRACE, type Guard } from "./refill.ts";
import { createRemovals, type Removals } from "./removed.ts";
import { createTokenStore, type KeptTokens } from "./tokens.ts";
import { createAside } from "./aside.ts";
import type { Aside } from "./aside.ts";
import { createCells } from "./cell.ts";
import { createCountersWriter } from "./counters-store.ts";
import type { CountersWriter } from "./counters-store.ts";
import { createCounters } from "./counters.ts";
import type { Counters } from "./counters.ts";
import { createDrift, type Drift } from "./drift.ts";
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
import { createLeases, type KeptLeases } from "./leases/leases.ts";
import { createJournal } from "./journal/journal.ts";
import type { Journal } from "./journal/journal.ts";
import { createRecent, type Recent } from "./recent.ts";
import { createSeal, type Seal } from "./seal.ts";
import { COOLDOWN, CREDENTIAL, MARK } from "./records.ts";
import type { RecordKind } from "./records.ts";
import { createSights } from "./sight.ts";
import type { Sights } from "./sight.ts";
import { driverName, writesInPlace } from "./storage.ts";
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
  leases: KeptLeases;
  tokens: KeptTokens;
  creations: KeptCreations;
  /** What this instance knows to stand in the store, by key. */
  known: {
    cooldowns: Known<CooldownRecord>;
    marks: Known<MarkRecord>;
    credentials: Known<CredentialRecord>;
  };
  removals: Removals;
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
  mark: RecordKind<MarkRecord>;
  credential: RecordKind<CredentialRecord>;
}

const LADDER_DECAY = 3_600_000;
const WRITES_AT_ONCE = 64;

export function createParts(options: StateOptions): StateParts {
  const { base, clock, random, log } = options;
  const storage = options.storage ?? createMemoryStorage();
  const aside = createAside(storage, base, log);
  const faults = createFaults(log, options.onFault, driverName(storage, base), clock);
  const gate = createGate(WRITES_AT_ONCE);
  const inPlace = writesInPlace(storage, base);
  const instance = uniqueId();
  const countersPrefix = `${base}:i:${instance}:`;

  const known: StateParts["known"] = {
    cooldowns: createKnown(COOLDOWN.merge),
    marks: createKnown(MARK.merge),
    credentials: createKnown(CREDENTIAL.merge),
  };
  const expiry = createExpiry(clock, options.ladderDecay ?? LADDER_DECAY, (key) => {
    known.cooldowns.drop(key);
    void cooldowns.removeDead(key, expiry.isDead);
  });
  const keys = createStateKeys(base);
  const leases = createLeases({ storage: options.storage, base, clock, keys, faults, instance });
  const drift = createDrift(clock, options.sharedTime ?? leases.time, log);
  const kinds: Kinds = { cooldown: drift.of(COOLDOWN), mark: MARK, credential: CREDENTIAL };
  const recent = createRecent<CooldownRecord | MarkRecord | CredentialRecord>(clock);
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
  const removals = createRemovals({ clock, keys, known, marks, credentials });
  const tell = (key: string, value: StoredValue): void => onWritten(key, value);
  const seal = createSeal(options.secrets ?? []);
  const sharedTime = options.sharedTime ?? leases.time;
  const birth = createBirth({ storage, base, clock, aside, sharedTime, onNamed: tell });
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

  function writerOf<R extends CooldownRecord | MarkRecord | CredentialRecord>(
    kind: RecordKind<R>,
    track: (key: string, record: R) => void,
  ): Writer<R> {
    const cells = createCells(storage, kind, aside, inPlace);
    const onStored = (key: string, record: R, isNew: boolean): void => {
      track(key, record);
      recent.note(key, record);
      if (isNew) onWritten(key, kind.toStored(record));
      onTouched();
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

// Not from the random that is injected: two instances that draw the same numbers must not be one.
function uniqueId(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(8)));
}
