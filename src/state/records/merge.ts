/** Merges two versions of one record: the greater one by a total order wins as a whole, so the order of merging does not matter. */
import type { CooldownRecord, CredentialRecord, DisableRecord } from "../../contract/records.ts";

/** Merges two cooldowns of one key: the higher epoch, then the later `until`. */
export function mergeCooldowns(a: CooldownRecord, b: CooldownRecord): CooldownRecord {
  return compare(cooldownRank(a), cooldownRank(b)) >= 0 ? a : b;
}

/** Merges two marks of one credential: the higher revision; at the same revision disabled wins. */
export function mergeMarks(a: DisableRecord, b: DisableRecord): DisableRecord {
  return compare(markRank(a), markRank(b)) >= 0 ? a : b;
}

/** Merges two records of one credential: a tombstone wins (K6), otherwise the higher revision. */
export function mergeCredentials(a: CredentialRecord, b: CredentialRecord): CredentialRecord {
  return compare(credentialRank(a), credentialRank(b)) >= 0 ? a : b;
}

function credentialRank({ revision, credential, writtenAt }: CredentialRecord): Rank {
  return [credential ? 0 : 1, revision, writtenAt, JSON.stringify(credential ?? "")];
}

type Rank = readonly (number | string)[];

// All fields take part: records of equal rank are equal, so the order of merging does not matter.
function cooldownRank(record: CooldownRecord): Rank {
  const { epoch, until, writtenAt, incidents, stated, reason } = record;
  return [epoch, until, writtenAt, incidents, Number(stated), reason];
}

function markRank({ revision, disabled, writtenAt, secretHash }: DisableRecord): Rank {
  const why = disabled ? [disabled.at, disabled.cause, disabled.reason] : [0, "", ""];
  return [revision, disabled ? 1 : 0, writtenAt, secretHash, ...why];
}

function compare(a: Rank, b: Rank): number {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    if (x !== y) return x > y ? 1 : -1;
  }
  return 0;
}
