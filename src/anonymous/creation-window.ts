// When the next anonymous token may be created (H2). Pure.
import type { CreateLimits } from "../contract/anonymous-source.ts";

/** One attempt, whatever its outcome. Times are by the clock that all instances share, UTC epoch ms. */
export interface Attempt {
  id: string;
  at: number;
  /** When its call ended; `undefined` while it is under way, and for ever if its process died. */
  endedAt?: number | undefined;
}

export const HOUR = 3_600_000;
export const DAY = 86_400_000;
/** Time limit of a call to the provider, ms. */
export const CALL_TIME = 30_000;
/** Longest time between counting an attempt and its call, ms. */
export const MAX_COUNT_TO_CALL = 5_000;

/**
 * Returns when the next attempt is allowed, UTC epoch ms. An older attempt counts from the last moment at which the provider may
 * have seen it, so that no window exceeds the limit by the provider's clock either.
 */
export function nextCreationAt(
  attempts: readonly Attempt[],
  { perHour, perDay, spacing }: CreateLimits,
): number {
  const seen = attempts.map(lastSeenAt).toSorted((a, b) => a - b);
  const freeAt = (limit: number, window: number): number =>
    seen.length < limit ? 0 : seen.at(-limit)! + window;
  return Math.max(freeAt(1, spacing), freeAt(perHour, HOUR), freeAt(perDay, DAY));
}

/** Attempts before this time no longer count at `now`. */
export function countsSince(now: number): number {
  return now - DAY - CALL_TIME - MAX_COUNT_TO_CALL;
}

function lastSeenAt({ at, endedAt }: Attempt): number {
  return Math.max(at, endedAt ?? at + CALL_TIME + MAX_COUNT_TO_CALL);
}
