// What the status shows of a token.
import { endOf, type TokenSlot } from "./token-slot.ts";

/** State of a credential's token; no part of the token itself. */
export interface TokenStatus {
  kind: string;
  /** UTC epoch ms; `undefined` without a token, or when the time is unknown. */
  expiresAt: number | undefined;
  /** Refreshes that succeeded. */
  refreshes: number;
  /** Times a refresh token was sent although it was unknown whether it had been used (M4). */
  unsure: number;
  lastError: string | undefined;
  /** Why a new login is required; `undefined` when none is. */
  relogin: string | undefined;
  /** No refresh before this time, UTC epoch ms. */
  retryAt: number | undefined;
}

export function toTokenStatus(slot: TokenSlot, now: number): TokenStatus {
  const { source, refreshes, unsure, lastError, relogin, retryAt } = slot;
  const end = endOf(slot);
  return {
    kind: source.kind,
    expiresAt: slot.record && end !== Infinity ? end : undefined,
    refreshes,
    unsure,
    lastError,
    relogin,
    retryAt: retryAt > now ? retryAt : undefined,
  };
}
