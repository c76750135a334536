// How far the issuer's clock is ahead of ours (G3).
import type { FreshToken } from "../contract/token-source.ts";

/** Reads it out of an answer's `Date`, ms. Less than a `Date` can tell, or than the call took, says nothing. */
export function skewOf(
  { serverDate }: Pick<FreshToken, "serverDate">,
  startedAt: number,
  endedAt: number,
): number {
  if (serverDate === undefined) return 0;
  const skew = serverDate - endedAt;
  return Math.abs(skew) > 1_000 + (endedAt - startedAt) ? skew : 0;
}
