// The state of one credential's token.
import type { TokenSource } from "../contract/token-source.ts";
import type { TokenRecord } from "../contract/records.ts";
import { parseJson } from "../shared/json.ts";
import { readClaims } from "./jwt-claims.ts";

export interface TokenSlot {
  /** Id of the credential. */
  id: string;
  source: TokenSource;
  /** The newest token known. Its refresh token counts even when the access token cannot be used. */
  record: TokenRecord | undefined;
  /** True once the store has been read. Before that, the store may have a newer refresh token. */
  hasRead: boolean;
  /** An access token that the upstream has refused: it is not used again, whatever its claims say. */
  refused: string | undefined;
  /** The refresh under way. */
  inFlight: Promise<boolean> | undefined;
  /** Failures in a row. */
  failures: number;
  /** No refresh before this time because of them, UTC epoch ms. */
  retryAt: number;
  lastError: string | undefined;
  /** Token server's clock minus ours, in ms; `undefined` before its first answer (G3). */
  skew: number | undefined;
  /** Set when the grant is gone: no refresh until there is a new one. */
  relogin: string | undefined;
  /** Refreshes that succeeded. */
  refreshes: number;
  /** Times a refresh token was sent although it was unknown whether it had been used (M4). */
  unsure: number;
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
  };
}

/** A token is refreshed this long before it expires, in ms, but at most a tenth of its lifetime (G2). */
const MARGIN = 300_000;

/** When a slot's access token expires by our clock, UTC epoch ms; `Infinity` when that is unknown (G1). */
export function endOf({ record, skew }: Pick<TokenSlot, "record" | "skew">): number {
  if (!record) return 0;
  // A JWT follows its issuer's clock. A skew that was measured here goes before the one in the record.
  const claimed = readClaims(record.accessToken)?.expiresAt;
  return claimed === undefined
    ? (record.expiresAt ?? Infinity)
    : claimed - (skew ?? record.skew ?? 0);
}

/** The token to send now; `undefined` when there is none that can be used. */
export function usableToken(slot: TokenSlot, now: number): string | undefined {
  const token = slot.record?.accessToken;
  if (token === undefined || token === "" || token === slot.refused) return undefined;
  return endOf(slot) > now ? token : undefined;
}

/** The refresh token to send: the newest that is known. */
export function refreshTokenOf({ record, source }: TokenSlot): string | undefined {
  return record?.refreshToken ?? source.refreshToken;
}

/** All secrets of a slot. */
export function secretsOf({ record, source, refused }: TokenSlot): string[] {
  const own = [record?.accessToken, record?.refreshToken, refused, source.refreshToken];
  return [...own.filter((one) => one !== undefined), ...textsIn(source.secret)];
}

// The built-in sources write their secrets as a JSON array.
function textsIn(secret: string | undefined): string[] {
  const several = secret === undefined ? [] : parseJson(secret);
  if (Array.isArray(several)) return several.filter((one) => typeof one === "string");
  return secret === undefined ? [] : [secret];
}

/** True when a token that is still valid should be replaced by now. */
export function isInMargin(slot: TokenSlot, now: number): boolean {
  const end = endOf(slot);
  if (end === Infinity || !slot.record) return false;
  const lifetime = end - slot.record.issuedAt;
  return end - now < Math.min(MARGIN, Math.max(0, lifetime / 10));
}
