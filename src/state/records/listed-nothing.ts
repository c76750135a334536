/** Keys that the store lists and reads as nothing: the answer of some drivers to a read that failed (K3, K18). */
import type { StateParts } from "../state-parts.ts";
import { listRecords } from "./list-records.ts";

/** Stores that list removed keys do so for at most a minute. */
const LISTED_FOR = 60_000;

/** Rejects if one of `places`, which were read as nothing twice, is still listed, unless that has lasted for a minute. */
export async function assertNoneListed(
  parts: StateParts,
  places: readonly string[],
): Promise<void> {
  const { absences, clock, log } = parts;
  const still = places.length > 0 ? await stillListed(parts, places) : [];
  const now = clock.now();
  for (const key of absences.keys()) if (!still.includes(key)) absences.delete(key);
  for (const key of still) if (!absences.has(key)) absences.set(key, now);
  const failed = still.filter((key) => now - absences.get(key)! < LISTED_FOR);
  if (failed.length > 0) throw new ListedNothing(failed.length);
  if (still.length > 0)
    log.warn(
      `state: ${still.length} keys have been listed for a minute and cannot be read: they count as removed`,
    );
}

// Another instance may have removed them since they were listed.
async function stillListed(
  { patient, base }: StateParts,
  places: readonly string[],
): Promise<string[]> {
  const { cooldowns, marks, credentials } = await listRecords(patient, base);
  const listed = new Set([...cooldowns, ...marks, ...credentials]);
  return places.filter((place) => listed.has(place));
}

class ListedNothing extends Error {
  override name = "ListedNothing";
  readonly code = "LISTED_NOTHING";

  constructor(count: number) {
    super(`${count} records are listed and read as nothing`);
  }
}
