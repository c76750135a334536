// Names of tiers for the log and the status.

/** Returns the name of a tier from `tiers`; a number where there are no names, or too few. */
export function toTierName(tier: number, tiers: readonly string[] | undefined): number | string {
  return tiers?.[tier] ?? tier;
}
