// How far a token server's clock is ahead of ours (G3).
import type { FreshToken } from "../contract/auth.ts";

/** Learns it from an answer's `Date`, ms: one that is off by less than that can tell, or a call that took long, says nothing. */
export function skewOf({ serverDate }: FreshToken, startedAt: number, endedAt: number): number {
  if (serverDate === undefined) return 0;
  const skew = serverDate - endedAt;
  return Math.abs(skew) > 1_000 + (endedAt - startedAt) ? skew : 0;
}
