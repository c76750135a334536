/** The records of the three mergeable kinds: how they are written, remembered, and removed when they no longer count. */
import type { CooldownRecord, CredentialRecord, DisableRecord } from "../../contract/records.ts";
import { createSemaphore, type Semaphore } from "../../shared/semaphore.ts";
import { type StoredValue, writesInPlace } from "../store/storage.ts";
import type { StoreParts } from "../store/store-parts.ts";
import { createExpiry, type Expiry } from "./cooldown-expiry.ts";
import { createFirstSeen, type FirstSeen } from "./first-seen.ts";
import { createKnownRecords, type KnownRecords } from "./known-records.ts";
import { PORTIONS_AT_ONCE } from "./list-records.ts";
import { createRecentWrites, type RecentWrites } from "./recent-writes.ts";
import { createRecordCells } from "./record-cell.ts";
import { COOLDOWN, CREDENTIAL, MARK, type RecordKind } from "./record-kinds.ts";
import { createTombstones, type Tombstones } from "./tombstones.ts";
import { createWriteBehind, type WriteBehind } from "./write-behind.ts";

export type MergeableRecord = CooldownRecord | DisableRecord | CredentialRecord;

export interface RecordParts {
  kinds: RecordKinds;
  /** The records that are in the store as far as this instance knows, by key. */
  knownRecords: {
    cooldowns: KnownRecords<CooldownRecord>;
    marks: KnownRecords<DisableRecord>;
    credentials: KnownRecords<CredentialRecord>;
  };
  /** The records that this instance wrote recently, by key. */
  recentWrites: RecentWrites<MergeableRecord>;
  expiry: Expiry;
  firstSeen: FirstSeen;
  tombstones: Tombstones;
  /** Bounds the reading of many records. */
  readSemaphore: Semaphore;
  cooldowns: WriteBehind<CooldownRecord>;
  marks: WriteBehind<DisableRecord>;
  credentials: WriteBehind<CredentialRecord>;
}

/** The kinds of records, as this instance reads and writes them. */
export interface RecordKinds {
  cooldown: RecordKind<CooldownRecord>;
  mark: RecordKind<DisableRecord>;
  credential: RecordKind<CredentialRecord>;
}

export interface WriteEvents {
  /** A record was written, as it is stored. */
  written(key: string, value: StoredValue): void;
  /** A record was found in the store, or written there. */
  touched(): void;
  /** No failed write of one kind is left. */
  recovered(): void;
}

/** How long a cooldown is kept after its end, because its incidents still count for the backoff, ms. */
const LADDER_DECAY = 3_600_000;
const WRITES_AT_ONCE = 64;

export function createRecordParts(store: StoreParts, events: WriteEvents): RecordParts {
  const { clock, keys } = store;
  const cooldown = store.clockOffset.cooldownKind(COOLDOWN);
  const knownRecords: RecordParts["knownRecords"] = {
    cooldowns: createKnownRecords(COOLDOWN.merge),
    marks: createKnownRecords(MARK.merge),
    credentials: createKnownRecords(CREDENTIAL.merge),
  };
  const recentWrites = createRecentWrites<MergeableRecord>(clock);
  const createWriter = toWriterFactory(store, recentWrites, events);
  const expiry = createExpiry(clock, LADDER_DECAY, (key) => {
    knownRecords.cooldowns.drop(key);
    void cooldowns.removeExpired(key, expiry.isExpired);
  });
  const cooldowns = createWriter(cooldown, (key, record) => {
    knownRecords.cooldowns.note(key, record);
    expiry.track(key, record);
  });
  const marks = createWriter(MARK, knownRecords.marks.note);
  const credentials = createWriter(CREDENTIAL, (key, record) => {
    knownRecords.credentials.note(key, record);
    tombstones.track(key, record);
  });
  const tombstones = createTombstones({ clock, keys, knownRecords, marks, credentials });
  return {
    kinds: { cooldown, mark: MARK, credential: CREDENTIAL },
    knownRecords,
    recentWrites,
    expiry,
    firstSeen: createFirstSeen(clock),
    tombstones,
    readSemaphore: createSemaphore(PORTIONS_AT_ONCE),
    cooldowns,
    marks,
    credentials,
  };
}

type WriterFactory = <R extends MergeableRecord>(
  kind: RecordKind<R>,
  track: (key: string, record: R) => void,
) => WriteBehind<R>;

function toWriterFactory(
  { root, storage, base, clock, faults, quarantine }: StoreParts,
  recentWrites: RecentWrites<MergeableRecord>,
  events: WriteEvents,
): WriterFactory {
  const semaphore = createSemaphore(WRITES_AT_ONCE);
  const inPlace = writesInPlace(root, base);
  return <R extends MergeableRecord>(
    kind: RecordKind<R>,
    track: (key: string, record: R) => void,
  ) => {
    const cells = createRecordCells(storage, kind, quarantine, inPlace);
    const onStored = (key: string, record: R, isNew: boolean): void => {
      track(key, record);
      recentWrites.note(key, record);
      if (isNew) events.written(key, kind.toStored(record));
      events.touched();
    };
    const onRecovered = (): void => events.recovered();
    return createWriteBehind({ kind, cells, semaphore, clock, faults, onStored, onRecovered });
  };
}
