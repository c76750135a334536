/** Loads the records of a store: accepts only valid ones, and overwrites none of the others. */
import type { CooldownRecord, CredentialRecord, DisableRecord } from "../../contract/records.ts";
import type { LoadedState } from "../../contract/state.ts";
import { loadOtherCounters } from "../counters/counters-writer.ts";
import { assertNoneListed } from "./listed-nothing.ts";
import { findRecords } from "./find-records.ts";
import { listRecords, readEach, recordKey } from "./list-records.ts";
import type { StateParts } from "../state-parts.ts";
import { readStored } from "./record-kinds.ts";
import { isRemoved } from "./tombstones.ts";
import type { RecordKind } from "./record-kinds.ts";
import { readItem } from "../store/storage.ts";

/** The records in the store, by key. */
export interface StoredRecords {
  /** Keys of values that could not be parsed. */
  broken: readonly string[];
  cooldowns: ReadonlyMap<string, CooldownRecord>;
  marks: ReadonlyMap<string, DisableRecord>;
  credentials: ReadonlyMap<string, CredentialRecord>;
}

/** Reads everything under the base once. Rejects when something cannot be read. */
export async function readStore(parts: StateParts): Promise<StoredRecords> {
  const { kinds, unread } = parts;
  const listing = await findRecords(parts);
  const reading: Reading = { named: listing.named, nothing: [], broken: [] };
  unread.clear();
  for (const place of listing.marks) if (!listing.named.has(place)) unread.add(place);
  const cooldowns = await loadRecords(parts, kinds.cooldown, listing.cooldowns, reading);
  const marks = await loadRecords(parts, kinds.mark, listing.marks, reading);
  const credentials = await loadRecords(parts, kinds.credential, listing.credentials, reading);
  await assertNoneListed(parts, reading.nothing);
  await parts.creations.load(listing.creations, parts.readSemaphore);
  const foreign = listing.counters.filter((key) => !key.startsWith(parts.countersPrefix));
  parts.counters.setOthers(await loadOtherCounters(parts, foreign));
  unread.clear();
  return { cooldowns, marks, credentials, broken: reading.broken };
}

/** Notes the records that were read and returns them as the relay applies them; expired records are removed. */
export async function applyStored(
  parts: StateParts,
  { cooldowns, marks, credentials }: StoredRecords,
): Promise<LoadedState> {
  const { knownRecords, tombstones } = parts;
  const remaining = withoutExpired(parts, cooldowns);
  for (const [key, record] of marks) knownRecords.marks.note(key, record);
  for (const [key, record] of credentials) {
    knownRecords.credentials.note(key, record);
    tombstones.track(key, record);
  }
  const isWanted = async (mark: DisableRecord): Promise<DisableRecord[]> =>
    (await isRemoved(parts, mark)) ? [] : [mark];
  const wanted = credentials.size > 0 ? await Promise.all([...marks.values()].map(isWanted)) : [];
  // Nothing waits for the removal of tombstones.
  tombstones.sweep();
  const kept = [...credentials].filter(([key]) => knownRecords.credentials.get(key) !== undefined);
  return {
    cooldowns: remaining,
    marks: credentials.size > 0 ? wanted.flat() : [...marks.values()],
    credentials: await openAll(
      parts,
      kept.map(([, record]) => record),
    ),
  };
}

/** Reads only the credentials made at run time. Rejects when one cannot be read. */
export async function loadCredentials(parts: StateParts): Promise<CredentialRecord[]> {
  const { credentials } = await listRecords(parts.patient, parts.base, "k");
  const reading: Reading = { named: new Set(), nothing: [], broken: [] };
  const places = parts.index.isOn
    ? [...credentials, ...(await parts.index.keys("k"))]
    : credentials;
  const records = await loadRecords(parts, parts.kinds.credential, [...new Set(places)], reading);
  return openAll(parts, [...records.values()]);
}

/** Opens the API keys. A credential with a key that cannot be opened is skipped, and stays in the store unchanged. */
export async function openAll(
  { seal, quarantine }: StateParts,
  records: readonly CredentialRecord[],
): Promise<CredentialRecord[]> {
  const opened = records.map(async (record): Promise<CredentialRecord[]> => {
    const { id, credential } = record;
    if (credential?.apiKey === undefined) return [record];
    try {
      const apiKey = await seal.open(credential.apiKey, `credential ${id}`);
      return [{ ...record, credential: { ...credential, apiKey } }];
    } catch {
      quarantine.cannotOpen(`credential ${id}`);
      return [];
    }
  });
  return (await Promise.all(opened)).flat();
}

/** What a load found besides records. */
interface Reading {
  /** Keys that are not listed: nothing may be stored under them. */
  named: ReadonlySet<string>;
  /** Keys that are listed, and were read as nothing. */
  nothing: string[];
  broken: string[];
}

async function loadRecords<R>(
  { patient, readSemaphore, quarantine, unread }: StateParts,
  kind: RecordKind<R>,
  places: readonly string[],
  found: Reading,
): Promise<Map<string, R>> {
  const records = new Map<string, R>();
  const unsure = new Set(places.filter((place) => !found.named.has(place)));

  /** True if the value is a record, or can only be one of a newer version. */
  function note(place: string, value: unknown): boolean {
    const reading = readStored(kind, value);
    if (reading.kind === "newer") quarantine.skipNewer(place);
    if (reading.kind === "record") {
      const key = recordKey(place);
      const held = records.get(key);
      records.set(key, held === undefined ? reading.record : kind.merge(held, reading.record));
    }
    return reading.kind === "record" || reading.kind === "newer";
  }

  // Another process may be in mid-write, and some drivers answer a failed read with nothing: only the second answer counts.
  async function readAgain(place: string): Promise<void> {
    const value = await readItem(patient, place);
    if (note(place, value)) return void unread.delete(place);
    if (readStored(kind, value).kind === "absent") return void found.nothing.push(place);
    unread.delete(place);
    found.broken.push(place);
    await quarantine.keep(place);
  }

  await readEach(patient, readSemaphore, places, (place, value) => {
    if (!note(place, value)) return void (isAbsent(value) || unsure.add(place));
    unsure.delete(place);
    unread.delete(place);
  });
  await Promise.all(Array.from(unsure, (place) => readSemaphore.run(() => readAgain(place))));
  return records;
}

function isAbsent(value: unknown): boolean {
  return value === null || value === undefined;
}

// Nothing waits for the removal of expired records.
function withoutExpired(
  { cooldowns, expiry, firstSeen, knownRecords }: StateParts,
  records: ReadonlyMap<string, CooldownRecord>,
): CooldownRecord[] {
  const remaining: CooldownRecord[] = [];
  for (const [key, record] of records) {
    if (expiry.isExpired(record)) {
      void cooldowns.removeExpired(key, expiry.isExpired);
      continue;
    }
    expiry.track(key, record);
    knownRecords.cooldowns.note(key, record);
    remaining.push(firstSeen.asSeen(key, record));
  }
  return remaining;
}
