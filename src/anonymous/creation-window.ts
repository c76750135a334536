// When the next anonymous token may be created (H2). Pure: attempts so far, in; a point in time, out.

export interface CreationLimits {
  /** Attempts in any sliding hour, and in any sliding day. */
  perHour: number;
  perDay: number;
  /** Least time between two attempts, ms. */
  spacing: number;
}

/** One attempt, whatever came of it; times by the clock that all instances share, UTC epoch ms. */
export interface Attempt {
  id: string;
  at: number;
  /** When its call was over; `undefined` while it is under way, and for ever where its maker died. */
  endedAt?: number | undefined;
}

export const HOUR = 3_600_000;
export const DAY = 86_400_000;
/** A call may reach the provider so long after its attempt was counted: it is given up by then. */
export const CALL_TIME = 30_000;
/** Between the writing of an attempt and its call there must not be more than this. */
export const MAX_COUNT_TO_CALL = 5_000;

/**
 * Returns when the next attempt may be made, UTC epoch ms. An older attempt counts from the last moment in which the
 * provider may have seen it, so that by the provider's clock too no window holds more than it may.
 */
export function nextCreationAt(
  attempts: readonly Attempt[],
  { perHour, perDay, spacing }: CreationLimits,
): number {
  const seen = attempts.map(lastSeenAt).toSorted((a, b) => a - b);
  const freeAt = (limit: number, window: number): number =>
    seen.length < limit ? 0 : seen.at(-limit)! + window;
  return Math.max(freeAt(1, spacing), freeAt(perHour, HOUR), freeAt(perDay, DAY));
}

/** Attempts older than this, at `now`, can count no more. */
export function countsSince(now: number): number {
  return now - DAY - CALL_TIME - MAX_COUNT_TO_CALL;
}

function lastSeenAt({ at, endedAt }: Attempt): number {
  return Math.max(at, endedAt ?? at + CALL_TIME + MAX_COUNT_TO_CALL);
}
