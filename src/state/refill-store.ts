/** Writes what this instance knows back to a store that has lost records (M5, G7, H2). */
import type { StoredRecords } from "./records/load-records.ts";
import { isRemoved } from "./records/tombstones.ts";
import type { StateParts } from "./state-parts.ts";

/** Writes the records that guard irrevocable actions. Rejects when one could not be written. */
export async function refillFirst(parts: StateParts): Promise<void> {
  // An instance may be in the middle of a refresh: no other must begin one.
  await parts.leases.retake();
  await parts.creations.writeBack();
  await parts.tokens.writeBack((credential) => isRemoved(parts, { credential }));
}

/** Writes records that are missing in `stored`, or lose against the known ones; a failed write is retried as any other. */
export async function refill(parts: StateParts, stored: StoredRecords): Promise<void> {
  const { knownRecords, expiry } = parts;
  for (const [key, record] of knownRecords.credentials.missingFrom(stored.credentials))
    parts.credentials.put(key, record);
  for (const [key, record] of knownRecords.marks.missingFrom(stored.marks))
    if (!(await isRemoved(parts, record))) parts.marks.put(key, record);
  for (const [key, record] of knownRecords.cooldowns.missingFrom(stored.cooldowns))
    if (!expiry.isExpired(record)) parts.cooldowns.put(key, record);
  parts.counters.touchAll();
  parts.countersWriter.wake();
  await Promise.all([parts.credentials.flush(), parts.marks.flush(), parts.cooldowns.flush()]);
}
