/** Reads, merges and writes one record so that no readable version is lost. */
import type { Quarantine } from "../store/quarantine.ts";
import { readStored } from "./record-kinds.ts";
import type { RecordReading, RecordKind } from "./record-kinds.ts";
import { readItem } from "../store/storage.ts";
import type { StateStorage } from "../store/storage.ts";

export type Written = "written" | "unchanged" | "refused";

export interface RecordCells<R> {
  /** Writes `record` to `key`, merged with the stored one. `refused` if a newer version of the relay wrote that. */
  put(key: string, record: R): Promise<Written>;
  /** Removes the record if `isExpired` is true for the one that is stored now. */
  removeExpired(key: string, isExpired: (record: R) => boolean): Promise<void>;
}

/** Suffix of the key of the second place. */
export const SECOND_PLACE = "-b";

interface CellPlace<R> {
  key: string;
  reading: RecordReading<R>;
}

/**
 * Creates access to the records of one kind. With `inPlace` each record has two places that are written in turn: a process
 * that dies in mid-write then loses the new copy, never the complete one.
 */
export function createRecordCells<R>(
  storage: StateStorage,
  kind: RecordKind<R>,
  quarantine: Quarantine,
  inPlace: boolean,
): RecordCells<R> {
  async function readPlace(key: string): Promise<CellPlace<R>> {
    const reading = readStored(kind, await readItem(storage, key));
    if (reading.kind !== "broken") return { key, reading };
    // Another process may be in mid-write: only a value that is broken at the second read counts as broken.
    return { key, reading: readStored(kind, await readItem(storage, key)) };
  }

  function readPlaces(key: string): Promise<CellPlace<R>[]> {
    const keys = inPlace ? [key, key + SECOND_PLACE] : [key];
    return Promise.all(keys.map(readPlace));
  }

  async function put(key: string, record: R): Promise<Written> {
    const places = await readPlaces(key);
    const newer = places.find(({ reading }) => reading.kind === "newer");
    if (newer) {
      quarantine.skipNewer(newer.key);
      return "refused";
    }
    const held = winnerOf(kind, places);
    const merged = held ? kind.merge(held.record, record) : record;
    if (held && isSame(kind, held.record, merged)) return "unchanged";
    const target = cheapest(places, held?.place);
    if (target.reading.kind === "broken") await quarantine.keep(target.key);
    await storage.setItem(target.key, kind.toStored(merged));
    return "written";
  }

  async function removeExpired(key: string, isExpired: (record: R) => boolean): Promise<void> {
    const places = await readPlaces(key);
    const held = winnerOf(kind, places);
    if (!held || !isExpired(held.record)) return;
    for (const place of places) {
      if (place.reading.kind === "record") await storage.removeItem(place.key);
    }
  }

  return { put, removeExpired };
}

interface HeldRecord<R> {
  place: CellPlace<R>;
  record: R;
}

function winnerOf<R>(
  kind: RecordKind<R>,
  places: readonly CellPlace<R>[],
): HeldRecord<R> | undefined {
  let held: HeldRecord<R> | undefined;
  for (const place of places) {
    if (place.reading.kind !== "record") continue;
    const { record } = place.reading;
    if (!held || kind.merge(held.record, record) === record) held = { place, record };
  }
  return held;
}

// The place where a torn write costs least: an empty one, then a broken one, then the copy that lost.
function cheapest<R>(
  places: readonly CellPlace<R>[],
  held: CellPlace<R> | undefined,
): CellPlace<R> {
  const [first, second] = places;
  if (!first) throw new TypeError("a record has at least one place");
  if (!second) return first;
  const empty = places.find(({ reading }) => reading.kind === "absent");
  return empty ?? (first === held ? second : first);
}

function isSame<R>(kind: RecordKind<R>, a: R, b: R): boolean {
  return a === b || JSON.stringify(kind.toStored(a)) === JSON.stringify(kind.toStored(b));
}
