// One refresh of one credential's token, exclusive among all instances: read the store, call the source, store the token, then use it
// (G6, G7, M4).
import type { Lease } from "../contract/lease.ts";
import type { TokenRecord } from "../contract/records.ts";
import { pause } from "../shared/wait.ts";
import { type RefreshDeps, REFRESH_TIMEOUT } from "./refresh-deps.ts";
import { declareIntent, settleIntent } from "./refresh-intent.ts";
import { assertUsable, requestFromSource } from "./source-request.ts";
import { readNewer, storeToken } from "./stored-token.ts";
import { TokenError } from "./token-error.ts";
import type { TokenSlot } from "./token-slot.ts";

/** Duration of a lease, in ms: longer than the refresh that it protects. */
const LEASE_TIME = REFRESH_TIMEOUT + 15_000;
/** Without the lease, the store is read at this interval for the token of the lease's holder, in ms. */
const POLL_INTERVAL = 200;
/** Longest wait for the lease, in ms. */
const LEASE_WAIT = LEASE_TIME + 5_000;

/** Gets a newer token into the slot, from another instance or from the source. Throws `TokenError`. */
export async function refresh(
  deps: RefreshDeps,
  slot: TokenSlot,
  signal: AbortSignal,
): Promise<void> {
  const { clock, leases } = deps;
  const state = await readNewer(deps, slot);
  if (state === "adopted") return;
  // No lease excludes other instances where reads lag. A single instance goes by its own knowledge (G13).
  const isLagging = !deps.isOnly && deps.isLagging?.() === true;
  if (state === "down" || isLagging || !deps.isLoaded())
    return refreshWithoutLease(deps, slot, signal);
  for (const end = clock.now() + LEASE_WAIT; ;) {
    // An emptied store may lack a newer refresh token that another instance still has to write back.
    const lease = await leases.acquire(`token:${slot.id}`, LEASE_TIME, slot.source.rotates);
    if (lease) return await refreshUnderLease(deps, slot, lease, signal);
    if (clock.now() >= end || signal.aborted)
      throw new TokenError({ step: "refresh", code: "STORE" });
    await pause(POLL_INTERVAL, clock).promise;
    if ((await readNewer(deps, slot)) === "adopted") return;
  }
}

// Without the store two instances may refresh at once. That does no harm where the refresh token stays the same (G7).
async function refreshWithoutLease(
  deps: RefreshDeps,
  slot: TokenSlot,
  signal: AbortSignal,
): Promise<void> {
  // An unread store may have the successor of a rotating token, even of the only instance (K15).
  const isSafe = deps.isOnly && deps.isLoaded() && slot.hasRead;
  const code = deps.isLagging?.() ? "STORE_LAGS" : "STORE";
  if (slot.source.rotates && !isSafe) throw new TokenError({ step: "refresh", code });
  const generation = (slot.record?.generation ?? 0) + 1;
  const answer = await requestFromSource(deps, slot, generation, signal);
  adopt(slot, answer.record);
  // A rotated token is stored when the store is back; any other can be requested again.
  storeToken(deps, slot, answer.record).catch(() => {});
  assertUsable(answer);
}

async function refreshUnderLease(
  deps: RefreshDeps,
  slot: TokenSlot,
  lease: Lease,
  signal: AbortSignal,
): Promise<void> {
  try {
    // The last holder of the lease may have stored a token meanwhile.
    const state = await readNewer(deps, slot);
    if (state === "adopted") return;
    if (state === "down") return await refreshWithoutLease(deps, slot, signal);
    const generation = Math.max(lease.generation, (slot.record?.generation ?? 0) + 1);
    // No intent is written for a call that can no longer be made.
    if (signal.aborted) throw new TokenError({ step: "refresh", code: "TIMEOUT" });
    const unsure = slot.source.rotates ? await declareIntent(deps, slot, generation) : 0;
    const requesting = requestFromSource(deps, slot, generation, signal);
    const answer = await requesting.catch(async (error: unknown) => {
      if (slot.source.rotates) await settleIntent(deps, slot, generation, unsure);
      throw error;
    });
    await storeToken(deps, slot, answer.record);
    adopt(slot, answer.record);
    assertUsable(answer);
  } finally {
    await lease.release();
  }
}

function adopt(slot: TokenSlot, record: TokenRecord): void {
  if (slot.record && slot.record.generation > record.generation) return;
  if (record.accessToken !== slot.refused) slot.refused = undefined;
  slot.record = record;
  slot.refreshes++;
}
