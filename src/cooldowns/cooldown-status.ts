// A cooldown as the status and the hook `cooldown` show it.
import type { Key } from "../contract/credential.ts";
import type { CooldownRecord } from "../contract/records.ts";
import type { CooldownScope, CooldownStatus } from "../contract/relay-status.ts";
import { ANY } from "../shared/patterns.ts";
import { secondsUntil, toISOTime } from "../shared/times.ts";

/** Shows a cooldown at `now`, UTC epoch ms. `isAcquirer`: it closes the creation of anonymous tokens. */
export function toCooldownStatus(
  { key, reason, until, stated, incidents }: Omit<CooldownRecord, "epoch" | "writtenAt">,
  now: number,
  isAcquirer: boolean,
): CooldownStatus {
  const { credential, upstream, pool, family } = key;
  return {
    credential,
    upstream,
    pool,
    family,
    scope: isAcquirer ? "acquirer" : scopeOf(key),
    reason,
    retryAfter: secondsUntil(until, now),
    expiresAt: toISOTime(until),
    statedByUpstream: stated,
    incidents,
  };
}

function scopeOf({ credential, family }: Key): CooldownScope {
  if (credential === ANY) return family === ANY ? "upstream" : "upstream-model";
  return family === ANY ? "credential" : "model";
}
