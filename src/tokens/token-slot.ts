// What is known of one credential's token.
import type { TokenSource } from "../contract/token-source.ts";
import type { CancelTimer } from "../contract/clock.ts";
import type { TokenRecord } from "../contract/records.ts";
import { readClaims } from "./jwt-claims.ts";

export interface TokenSlot {
  id: string;
  source: TokenSource;
  /** The newest token known; its refresh token counts even where the access token does not. */
  record: TokenRecord | undefined;
  /** Whether the store has ever been read: before, a newer refresh token may stand there. */
  hasRead: boolean;
  /** An access token that the upstream has refused: it is not used again, whatever it says of itself. */
  refused: string | undefined;
  /** The refresh under way. */
  inFlight: Promise<boolean> | undefined;
  /** Failures in a row, and until when nothing is tried because of them. */
  failures: number;
  retryAt: number;
  lastError: string | undefined;
  /** How far the token server's clock is ahead of ours, ms, once it has answered us (G3). */
  skew: number | undefined;
  /** The grant is gone: nothing is refreshed until there is another one. */
  relogin: string | undefined;
  refreshes: number;
  /** Times a refresh token was sent though nobody knew whether it had been used (M4). */
  unsure: number;
  cancelRetry: CancelTimer | undefined;
}

export function createTokenSlot(id: string, source: TokenSource, record?: TokenRecord): TokenSlot {
  return {
    id,
    source,
    record,
    hasRead: record !== undefined,
    refused: undefined,
    inFlight: undefined,
    failures: 0,
    retryAt: 0,
    lastError: undefined,
    skew: undefined,
    relogin: undefined,
    refreshes: 0,
    unsure: 0,
    cancelRetry: undefined,
  };
}

/** Refreshed this long before its end, but never more than a tenth of its life (G2). */
const MARGIN = 300_000;

/** When a slot's access token ends by our clock, UTC epoch ms; `Infinity` where nobody can tell (G1). */
export function endOf({ record, skew }: Pick<TokenSlot, "record" | "skew">): number {
  if (!record) return 0;
  // A JWT is judged by its issuer's clock: what we have heard ourselves goes before what the record's writer has.
  const claimed = readClaims(record.accessToken)?.expiresAt;
  return claimed === undefined
    ? (record.expiresAt ?? Infinity)
    : claimed - (skew ?? record.skew ?? 0);
}

/** The token to present now; `undefined` where there is none that could do. */
export function usableToken(slot: TokenSlot, now: number): string | undefined {
  const token = slot.record?.accessToken;
  if (token === undefined || token === "" || token === slot.refused) return undefined;
  return endOf(slot) > now ? token : undefined;
}

/** Tells whether a token that still holds should be replaced by now. */
export function isInMargin(slot: TokenSlot, now: number): boolean {
  const end = endOf(slot);
  if (end === Infinity || !slot.record) return false;
  const life = end - slot.record.issuedAt;
  return end - now < Math.min(MARGIN, Math.max(0, life / 10));
}
