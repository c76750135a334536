// The rules of cooldowns: which refusals belong together, which record is newer, and how long a cooldown matters.
import type { Key } from "../contract/credential.ts";
import type { CooldownRecord } from "../contract/records.ts";
import type { Reason } from "../contract/verdict.ts";
import type { Cooldown } from "./cooldown-table.ts";

/** A refusal of a key. */
export interface Refusal {
  key: Key;
  reason: Reason;
  /** The stated wait in ms, with bounds and jitter applied; `null` if none was stated. */
  hint: number | null;
  /** Returns the wait in ms for the n-th incident if none was stated. */
  ladder: (incidents: number) => number;
  /** When the refused request was sent, UTC epoch ms. */
  sentAt: number;
  /** The upstream stated more than the longest wait: the relay has chosen the end, and a probe is due then (C4). */
  isCapped?: boolean;
  /** False for a refusal that does not count for the backoff (C9). @default true */
  isStep?: boolean;
}

/** Failures of one key within this time, in ms, are one incident (C6). */
const INCIDENT = 2_000;
/** The backoff starts anew this long after the end of the last cooldown, in ms (C7). */
const DECAY = 3_600_000;
/** The same refusal within this time after the end of a stated wait, in ms, shows that the statement was wrong (C4). */
const RIGHT_AFTER = 10_000;
/** A request that was sent in the same millisecond in which a cooldown began was sent before it: later ones are blocked. */
export function isBefore(sentAt: number, { openedAt, until }: Cooldown): boolean {
  return sentAt < openedAt || (sentAt === openedAt && until > openedAt);
}

/** True when a failure at `now` belongs to a cooldown that has just begun (C6). */
export function isSameIncident({ openedAt, until }: Cooldown, now: number): boolean {
  return until > now && now - openedAt < INCIDENT;
}

/** True when a refusal shows that the stated wait of the last cooldown was too short (C4). */
export function provedShort(known: Cooldown, { reason, sentAt }: Refusal, now: number): boolean {
  const wasTrusted = known.stated || known.distrusted;
  const isRightAfter = sentAt >= known.until && now - known.until < RIGHT_AFTER;
  // Requests were sent after the stated wait, and not refused: the wait was long enough, and its quota is used up again.
  if (!known.distrusted && known.pace?.hasAdvanced) return false;
  return wasTrusted && !known.isOver && known.reason === reason && isRightAfter;
}

/** A cooldown from a stored record. Field by field: a spread with added fields costs fifteen times as much, and a start restores many records. */
export function fromRecord(record: CooldownRecord, now: number): Cooldown {
  const { key, reason, until, writtenAt, epoch, incidents, stated } = record;
  return {
    key,
    reason,
    until,
    writtenAt,
    epoch,
    incidents,
    stated,
    openedAt: Math.min(writtenAt, now),
    distrusted: false,
    isOver: incidents === 0 && until <= now,
    probeUntil: 0,
  };
}

/** True when a stored record replaces what is known. */
export function isNewer(record: CooldownRecord, known: Cooldown): boolean {
  return record.epoch === known.epoch ? record.until > known.until : record.epoch > known.epoch;
}

/** When a cooldown is deleted, UTC epoch ms: as long as the backoff counts and a late refusal may arrive; a clearing, as long as a store may hold what it has cleared. */
export function forgetAt({ until, epoch }: Cooldown): number {
  return until + (epoch > 0 ? 3 : 1) * DECAY;
}

/** The cooldown that still counts for the backoff of the next one (C7). */
export function countingAt(known: Cooldown | undefined, now: number): Cooldown | undefined {
  return known && now < known.until + DECAY ? known : undefined;
}
