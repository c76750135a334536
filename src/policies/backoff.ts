// How long to wait: the backoff of a reason if the answer states no wait; bounds and jitter for a wait that it states.
import type { Random } from "../contract/clock.ts";
import type { Reason } from "../contract/verdict.ts";
import { REASONS } from "../shared/reasons.ts";

export interface BackoffConfig {
  /** The shortest wait, in ms. */
  floor: number;
  /** The longest wait without a probe, in ms. */
  cap: number;
  /** Factor on every stated wait. */
  hintMultiplier: number;
}

export const BACKOFF: BackoffConfig = { floor: 2_000, cap: 24 * 3_600_000, hintMultiplier: 1 };

/** Returns the wait in ms at the n-th incident (from 1) of a reason; the last wait of the backoff repeats. */
export function backoffWait(
  reason: Reason,
  incidents: number,
  { floor }: BackoffConfig = BACKOFF,
): number {
  const own = REASONS[reason].backoff;
  const waits = own.length > 0 ? own : REASONS.UNKNOWN.backoff;
  const at = Math.min(Math.max(1, Math.floor(incidents) || 1), waits.length) - 1;
  return waits[at] ?? floor;
}

/** Applies multiplier, floor and cap to a stated wait in ms. `capped`: the upstream stated more, so a probe is due when the wait is over. */
export function clampHint(
  hint: number,
  { floor, cap, hintMultiplier }: BackoffConfig = BACKOFF,
): { wait: number; capped: boolean } {
  const wanted = hint * hintMultiplier;
  return { wait: Math.min(Math.max(wanted, floor), cap), capped: wanted > cap };
}

/** Adds up to `share` of the wait at random. Returns whole ms, never less than the wait itself. */
export function withJitter(wait: number, share: number, random: Random): number {
  return Math.ceil(wait + wait * Math.max(0, share) * random());
}
