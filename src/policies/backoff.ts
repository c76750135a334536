/** How long to wait: the ladder where nothing was stated, bounds and jitter for what was. */
import type { Random } from "../contract/clock.ts";
import type { Reason } from "../contract/verdict.ts";

export interface LimitsConfig {
  /** Waits in ms at the 1st, 2nd, … incident of a reason; the last one stays. */
  ladder: Readonly<Partial<Record<Reason, readonly number[]>>>;
  /** No wait is shorter, ms. */
  floor: number;
  /** No window is longer without a probe, ms. */
  cap: number;
  /** Factor on every hint. */
  hintMultiplier: number;
}

const SECOND = 1_000;

export const LIMITS_DEFAULTS: LimitsConfig = {
  ladder: {
    QUOTA_EXHAUSTED: [60 * SECOND, 300 * SECOND, 1_800 * SECOND, 7_200 * SECOND],
    RATE_LIMIT_EXCEEDED: [30 * SECOND],
    MODEL_CAPACITY_EXHAUSTED: [15 * SECOND],
    SERVER_ERROR: [20 * SECOND],
    UNKNOWN: [60 * SECOND],
    BILLING: [600 * SECOND],
  },
  floor: 2 * SECOND,
  cap: 24 * 3_600 * SECOND,
  hintMultiplier: 1,
};

const LIMITS: ReadonlySet<Reason> = new Set<Reason>([
  "QUOTA_EXHAUSTED",
  "RATE_LIMIT_EXCEEDED",
  "MODEL_CAPACITY_EXHAUSTED",
  "UNKNOWN",
]);

/** Tells whether a reason opens a rate cooldown and counts on a ladder (B8). Money, keys, requests and broken connections do not. */
export function isLimit(reason: Reason): boolean {
  return LIMITS.has(reason);
}

/** Returns the wait in ms that we choose at the n-th incident (from 1) of a reason; reasons without a ladder wait like `UNKNOWN`. */
export function ladderWait(
  reason: Reason,
  incidents: number,
  config: LimitsConfig = LIMITS_DEFAULTS,
): number {
  const steps = config.ladder[reason] ?? config.ladder.UNKNOWN ?? [];
  const step = Math.min(Math.max(1, Math.floor(incidents) || 1), steps.length) - 1;
  return steps[step] ?? config.floor;
}

/** Applies multiplier, floor and cap to a hint in ms; `capped` tells that a probe is due when the wait is over, though the upstream stated more. */
export function clampHint(
  hint: number,
  config: LimitsConfig = LIMITS_DEFAULTS,
): { wait: number; capped: boolean } {
  const wanted = hint * config.hintMultiplier;
  return {
    wait: Math.min(Math.max(wanted, config.floor), config.cap),
    capped: wanted > config.cap,
  };
}

/** Adds up to `share` of the wait at random, never less than the wait itself; whole ms. */
export function withJitter(wait: number, share: number, random: Random): number {
  return Math.ceil(wait + wait * Math.max(0, share) * random());
}
