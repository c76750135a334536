// Tiers as people know them.

/** Names a tier as `tiers` does; a number where there are no names, or too few. */
export function toTierName(tier: number, tiers: readonly string[] | undefined): number | string {
  return tiers?.[tier] ?? tier;
}
