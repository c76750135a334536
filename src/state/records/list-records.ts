/** Lists the keys under the base by kind, and reads their values in bounded portions. */
import { SECOND_PLACE } from "./record-cell.ts";
import type { Semaphore } from "../../shared/semaphore.ts";
import type { KeyKind } from "./record-keys.ts";
import { readItems } from "../store/storage.ts";
import type { StateStorage } from "../store/storage.ts";

export interface Listing extends KindKeys {
  /** All other keys under the base. */
  others: ReadonlySet<string>;
  /** Keys that were added by name: nothing may be stored under them. */
  named: Set<string>;
}

/** The keys that are read by a load. */
export interface KindKeys {
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
  const kinds = emptyKinds();
  const others = new Set<string>();
  const prefix = `${base}:`;
  for (const key of new Set(await storage.getKeys(kind ? `${base}:${kind}` : base)))
    if (key.startsWith(prefix) && !sort(kinds, prefix, key)) others.add(key);
  return { ...kinds, others, named: new Set() };
}

/** Adds keys that are known by name, where they are not listed. */
export function addNamed(listing: Listing, base: string, keys: Iterable<string>): void {
  const { cooldowns, marks, credentials, counters, creations, named } = listing;
  const listed = new Set([...cooldowns, ...marks, ...credentials, ...counters, ...creations]);
  for (const key of new Set(keys))
    if (!listed.has(key) && sort(listing, `${base}:`, key)) named.add(key);
}

function emptyKinds(): KindKeys {
  return { cooldowns: [], marks: [], counters: [], credentials: [], creations: [] };
}

/** Adds a key to those of its kind. False if it is the key of no record. */
function sort(kinds: KindKeys, prefix: string, key: string): boolean {
  const name = key.slice(prefix.length);
  const kind = KIND_NAMES.find(([, pattern]) => pattern.test(name))?.[0];
  if (kind) kinds[kind].push(key);
  return kind !== undefined;
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

const KIND_NAMES: readonly [kind: keyof KindKeys, pattern: RegExp][] = [
  ["cooldowns", /^c:[0-9a-f]{32}(?:-b)?$/],
  ["marks", /^m:[0-9a-f]{32}(?:-b)?$/],
  ["credentials", /^k:[0-9a-f]{32}(?:-b)?$/],
  ["creations", /^a:[0-9a-f]{32}-[0-9a-f]{32}$/],
  ["counters", /^i:[0-9a-z]+:\d+$/],
];
