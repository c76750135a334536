/** Lists the keys under the base by kind, and reads their values in bounded portions. */
import { SECOND_PLACE } from "./record-cell.ts";
import type { Semaphore } from "../../shared/semaphore.ts";
import type { KeyKind } from "./record-keys.ts";
import { readItems } from "../store/storage.ts";
import type { StateStorage } from "../store/storage.ts";

export interface Listing {
  cooldowns: string[];
  marks: string[];
  counters: string[];
  credentials: string[];
  creations: string[];
}

// 4 × 100 open files stay below the usual limit of 1,024.
const PORTION = 100;
export const PORTIONS_AT_ONCE = 4;

/** Lists the keys of all records under `base`, or of one kind; all other keys are skipped. */
export async function listRecords(
  storage: StateStorage,
  base: string,
  kind?: KeyKind,
): Promise<Listing> {
  const listing: Listing = {
    cooldowns: [],
    marks: [],
    counters: [],
    credentials: [],
    creations: [],
  };
  const prefix = `${base}:`;
  for (const key of await storage.getKeys(kind ? `${base}:${kind}` : base)) {
    if (!key.startsWith(prefix)) continue;
    const name = key.slice(prefix.length);
    if (COOLDOWN_NAME.test(name)) listing.cooldowns.push(key);
    else if (MARK_NAME.test(name)) listing.marks.push(key);
    else if (CREDENTIAL_NAME.test(name)) listing.credentials.push(key);
    else if (COUNTERS_NAME.test(name)) listing.counters.push(key);
    else if (CREATION_NAME.test(name)) listing.creations.push(key);
  }
  return listing;
}

/** Reads the values of `keys` and calls `use` for each. Rejects when one cannot be read. */
export async function readEach(
  storage: StateStorage,
  semaphore: Semaphore,
  keys: readonly string[],
  use: (key: string, value: unknown) => void,
): Promise<void> {
  const portions: string[][] = [];
  for (let i = 0; i < keys.length; i += PORTION) portions.push(keys.slice(i, i + PORTION));
  const read = async (portion: string[]): Promise<void> => {
    for (const { key, value } of await readItems(storage, portion)) use(key, value);
  };
  await Promise.all(portions.map((portion) => semaphore.run(() => read(portion))));
}

/** Returns the key of the record that a place belongs to. */
export function recordKey(place: string): string {
  return place.endsWith(SECOND_PLACE) ? place.slice(0, -SECOND_PLACE.length) : place;
}

const COOLDOWN_NAME = /^c:[0-9a-f]{32}(?:-b)?$/;
const MARK_NAME = /^m:[0-9a-f]{32}(?:-b)?$/;
const CREDENTIAL_NAME = /^k:[0-9a-f]{32}(?:-b)?$/;
const CREATION_NAME = /^a:[0-9a-f]{32}-[0-9a-f]{32}$/;
const COUNTERS_NAME = /^i:[0-9a-z]+:\d+$/;
