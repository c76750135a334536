// The difference between the issuer's clock and ours (G3).
import type { FreshToken } from "../contract/token-source.ts";

/**
 * Computes how far the issuer's clock is ahead, in ms, from the `Date` of its answer. 0 for a difference below the resolution of `Date` or
 * the duration of the call.
 */
export function skewOf(
  { serverDate }: Pick<FreshToken, "serverDate">,
  startedAt: number,
  endedAt: number,
): number {
  if (serverDate === undefined) return 0;
  const skew = serverDate - endedAt;
  return Math.abs(skew) > 1_000 + (endedAt - startedAt) ? skew : 0;
}
