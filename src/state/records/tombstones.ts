/** Removed credentials: their marks are deleted, and their tombstones when no instance can restore the credential any more (K6, K11). */
import type { CancelTimer, Clock } from "../../contract/clock.ts";
import type { CredentialRecord, DisableRecord } from "../../contract/records.ts";
import type { StateKeys } from "./record-keys.ts";
import type { KnownRecords } from "./known-records.ts";
import type { WriteBehind } from "./write-behind.ts";

export interface Tombstones {
  /** Notes a tombstone; ignores a credential that is not removed. */
  track(key: string, record: CredentialRecord): void;
  /** Removes what is due: now, and every hour from here on while there are tombstones. */
  sweep(): void;
  stop(): void;
}

export interface TombstoneOptions {
  clock: Clock;
  keys: StateKeys;
  knownRecords: { marks: KnownRecords<DisableRecord>; credentials: KnownRecords<CredentialRecord> };
  marks: Pick<WriteBehind<DisableRecord>, "removeExpired">;
  credentials: Pick<WriteBehind<CredentialRecord>, "removeExpired">;
}

/** Longer than any instance runs without receiving a removal, ms. */
export const TOMBSTONE_KEPT: number = 30 * 86_400_000;
const EVERY = 3_600_000;

export function createTombstones(options: TombstoneOptions): Tombstones {
  const { clock, keys, knownRecords, marks, credentials } = options;
  const tombstones = new Map<string, CredentialRecord>();
  let cancel: CancelTimer | undefined;
  let isStopped = false;

  const isExpired = ({ credential, writtenAt }: CredentialRecord): boolean =>
    !credential && writtenAt < clock.now() - TOMBSTONE_KEPT;

  async function removeMark(credential: string): Promise<void> {
    const key = await keys.of("m", [credential]);
    if (!knownRecords.marks.get(key)) return;
    knownRecords.marks.drop(key);
    await marks.removeExpired(key, () => true);
  }

  function sweep(): void {
    cancel?.();
    cancel = undefined;
    for (const [key, record] of tombstones) {
      void removeMark(record.id);
      if (!isExpired(record)) continue;
      tombstones.delete(key);
      knownRecords.credentials.drop(key);
      void credentials.removeExpired(key, isExpired);
    }
    schedule();
  }

  function schedule(): void {
    if (isStopped || tombstones.size === 0) return;
    cancel ??= clock.after(EVERY, sweep);
  }

  return {
    track(key, record) {
      if (record.credential) return;
      tombstones.set(key, record);
      schedule();
    },
    sweep,
    stop() {
      isStopped = true;
      cancel?.();
    },
  };
}

/** True when a credential was removed: its marks and tokens are not needed. */
export async function isRemoved(
  { keys, knownRecords }: Pick<TombstoneOptions, "keys" | "knownRecords">,
  { credential }: Pick<DisableRecord, "credential">,
): Promise<boolean> {
  const record = knownRecords.credentials.get(await keys.of("k", [credential]));
  return record !== undefined && !record.credential;
}
