/** Loads the records of a store: accepts only valid ones, and overwrites none of the others. */
import type { CooldownRecord, CredentialRecord, DisableRecord } from "../../contract/records.ts";
import type { LoadedState } from "../../contract/state.ts";
import { loadOtherCounters } from "../counters/counters-writer.ts";
import { listRecords, readEach, recordKey } from "./list-records.ts";
import type { StateParts } from "../state-parts.ts";
import { readStored } from "./record-kinds.ts";
import { isRemoved } from "./tombstones.ts";
import type { RecordKind } from "./record-kinds.ts";
import { readItem } from "../store/storage.ts";

/** The records in the store, by key. */
export interface StoredRecords {
  cooldowns: ReadonlyMap<string, CooldownRecord>;
  marks: ReadonlyMap<string, DisableRecord>;
  credentials: ReadonlyMap<string, CredentialRecord>;
}

/** Reads everything under the base once. Rejects when something cannot be read. */
export async function readStore(parts: StateParts): Promise<StoredRecords> {
  const { kinds } = parts;
  const listing = await listRecords(parts.patient, parts.base);
  const cooldowns = await loadRecords(parts, kinds.cooldown, listing.cooldowns);
  const marks = await loadRecords(parts, kinds.mark, listing.marks);
  const credentials = await loadRecords(parts, kinds.credential, listing.credentials);
  await parts.creations.load(listing.creations, parts.readSemaphore);
  const foreign = listing.counters.filter((key) => !key.startsWith(parts.countersPrefix));
  parts.counters.setOthers(await loadOtherCounters(parts, foreign));
  return { cooldowns, marks, credentials };
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
  return openAll(parts, [
    ...(await loadRecords(parts, parts.kinds.credential, credentials)).values(),
  ]);
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

async function loadRecords<R>(
  { patient, readSemaphore, quarantine }: StateParts,
  kind: RecordKind<R>,
  places: readonly string[],
): Promise<Map<string, R>> {
  const records = new Map<string, R>();
  const broken: string[] = [];

  function note(place: string, value: unknown): void {
    const reading = readStored(kind, value);
    if (reading.kind === "newer") quarantine.skipNewer(place);
    if (reading.kind === "broken") broken.push(place);
    if (reading.kind !== "record") return;
    const key = recordKey(place);
    const held = records.get(key);
    records.set(key, held === undefined ? reading.record : kind.merge(held, reading.record));
  }

  // Another process may be in mid-write: only a value that is broken at the second read counts as broken.
  async function readAgain(place: string): Promise<void> {
    const value = await readItem(patient, place);
    if (readStored(kind, value).kind === "broken") await quarantine.keep(place);
    else note(place, value);
  }

  await readEach(patient, readSemaphore, places, note);
  await Promise.all(broken.map((place) => readSemaphore.run(() => readAgain(place))));
  return records;
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
