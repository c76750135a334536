// A credential's token in the store: reading what another instance has written, and writing what was received.
import type { TokenRecord } from "../contract/state.ts";
import { pause } from "../shared/wait.ts";
import { isSameSecret } from "../state/secrets/secret-hash.ts";
import type { RefreshDeps } from "./refresh-deps.ts";
import { TokenError } from "./token-error.ts";
import { type TokenSlot, usableToken } from "./token-slot.ts";

/** Longest pause between two attempts to write, in ms. */
const MAX_PAUSE = 30_000;

/**
 * Applies the stored record when it is newer than the slot's. Returns `adopted` when the slot then has a usable token, `known` when
 * it has none, and `down` when the store could not be read.
 */
export async function readNewer(
  { tokens, clock }: Pick<RefreshDeps, "tokens" | "clock">,
  slot: TokenSlot,
): Promise<"adopted" | "known" | "down"> {
  let record: TokenRecord | undefined;
  try {
    record = await tokens.read(slot.id);
  } catch {
    return "down";
  }
  slot.hasRead = true;
  if (!record || !(await isOfSameGrant(slot, record))) return "known";
  if (slot.record && record.generation <= slot.record.generation) return "known";
  slot.record = byOwnClock(record, clock.now());
  return usableToken(slot, clock.now()) === undefined ? "known" : "adopted";
}

// A record from a clock that is ahead of this one ends that much earlier by this one (K12).
function byOwnClock(record: TokenRecord, now: number): TokenRecord {
  const ahead = Math.max(0, record.writtenAt - now);
  const { expiresAt, issuedAt, skew } = record;
  return {
    ...record,
    expiresAt: expiresAt === undefined ? undefined : expiresAt - ahead,
    issuedAt: issuedAt - ahead,
    skew: skew === undefined ? undefined : skew + ahead,
  };
}

// A new refresh token in the configuration is a new grant: the stored record belongs to the old one (F3).
async function isOfSameGrant({ source }: TokenSlot, { originHash }: TokenRecord): Promise<boolean> {
  if (source.refreshToken === undefined || originHash === "") return true;
  return await isSameSecret(source.refreshToken, originHash);
}

/** Writes a token. A rotated refresh token is written until that succeeds: a process that ended before would lose it (G7). */
export async function storeToken(
  { tokens, clock, alarm }: Pick<RefreshDeps, "tokens" | "clock" | "alarm">,
  slot: TokenSlot,
  record: TokenRecord,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await tokens.write(record);
    } catch (error) {
      if (!slot.source.rotates) return;
      // Another instance has stored a newer token under a later lease: this one would never be read (M3).
      if ((error as { code?: unknown }).code === "STALE_GENERATION")
        throw new TokenError({ step: "refresh", code: "STORE" });
      if (tries === 1) alarm(slot.id);
      await pause(Math.min(1_000 * 2 ** tries, MAX_PAUSE), clock).promise;
    }
  }
}
