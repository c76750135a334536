/** Finds the keys of all records: by listing them, and by name where a listing may lack some (K18). */
import type { StateParts } from "../state-parts.ts";
import { driverName, writesInPlace } from "../store/storage.ts";
import { addNamed, type Listing, listRecords } from "./list-records.ts";
import { SECOND_PLACE } from "./record-cell.ts";

/** Drivers whose listing has every key as soon as it is written. */
const STRONG: ReadonlySet<string> = new Set([
  "memory",
  "lru-cache",
  "redis",
  "db0",
  "fs",
  "fs-lite",
  "deno-kv",
  "deno-kv-node",
]);
/** Drivers that list one page: their keys are noted before the page is full. */
const PAGED: ReadonlySet<string> = new Set(["s3"]);

/** Rejects when the keys cannot be listed. */
export async function findRecords(parts: StateParts): Promise<Listing> {
  const { patient, root, base, prover, index, identity } = parts;
  const driver = driverName(root, base);
  // What cannot be read here fails the load below.
  const isNamed = prover !== undefined && (await identity.exists().catch(() => false));
  const listing = await listRecords(patient, base);
  if (!prover) return listing;
  const isWhole = prover.sees(listing.others, isNamed ? identity.key : undefined);
  index.isOn = isWhole === false || PAGED.has(driver);
  if (isWhole !== true || !STRONG.has(driver)) addNamed(listing, base, await namedKeys(parts));
  if (index.isOn) addNamed(listing, base, await index.keys());
  return listing;
}

/** Notes in the index what is known to be stored. Never rejects: each key is noted with its next write. */
export async function indexRecords({ index, knownRecords, faults }: StateParts): Promise<void> {
  if (!index.isOn) return;
  const { cooldowns, marks, credentials } = knownRecords;
  const keys = [cooldowns, marks, credentials].flatMap((known) => [...known.keys()]);
  await index.add(keys).catch((error: unknown) => faults.report("write", undefined, error));
}

/** The keys that the records of configured credentials have. */
async function namedKeys(parts: StateParts): Promise<string[]> {
  const { keys, root, base } = parts;
  const names = await Promise.all([
    ...Array.from(parts.configured.credentials(), (id) => keys.of("m", [id])),
    ...Array.from(parts.configured.cooldowns(), (name) => keys.of("c", name)),
  ]);
  return writesInPlace(root, base) ? names.flatMap((key) => [key, key + SECOND_PLACE]) : names;
}
