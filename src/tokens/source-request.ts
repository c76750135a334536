// One call to a token source, and the record that its answer makes.
import type { TokenRecord } from "../contract/records.ts";
import { hashSecret } from "../state/secrets/secret-hash.ts";
import { skewOf } from "./clock-skew.ts";
import { readClaims } from "./jwt-claims.ts";
import type { RefreshDeps } from "./refresh-deps.ts";
import { TokenError } from "./token-error.ts";
import { refreshTokenOf, type TokenSlot, usableToken } from "./token-slot.ts";

export interface SourceAnswer {
  record: TokenRecord;
  /** False when the access token cannot be used; the refresh token of the record is the newest all the same. */
  isUsable: boolean;
}

/** Requests a token from the slot's source. Throws `TokenError`. */
export async function requestFromSource(
  { clock, fetch }: Pick<RefreshDeps, "clock" | "fetch">,
  slot: TokenSlot,
  generation: number,
  signal: AbortSignal,
): Promise<SourceAnswer> {
  const { source } = slot;
  const startedAt = clock.now();
  const refreshToken = refreshTokenOf(slot);
  const call = source.refresh({ refreshToken, fetch, clock, signal });
  const { accessToken, expiresAt, expiresIn, ...fresh } = await unlessAborted(call, signal);
  const endsAt = expiresIn === undefined ? undefined : startedAt + expiresIn * 1_000;
  slot.skew = skewOf(fresh, startedAt, clock.now());
  const record: TokenRecord = {
    credential: slot.id,
    generation,
    accessToken,
    expiresAt: expiresAt ?? endsAt,
    issuedAt: startedAt,
    skew: slot.skew,
    refreshToken: fresh.refreshToken ?? refreshToken,
    originHash: await originHashOf(slot),
    writtenAt: clock.now(),
  };
  assertSameAccount(slot, record);
  const isUsable = usableToken({ ...slot, record, refused: undefined }, clock.now()) !== undefined;
  return { isUsable, record: isUsable ? record : withOldToken(slot, record) };
}

export function assertUsable({ isUsable }: SourceAnswer): void {
  if (!isUsable) throw new TokenError({ step: "refresh", code: "EXPIRED" });
}

/** Hash of the configured refresh token; `""` for a source without one. */
export async function originHashOf({ source }: TokenSlot): Promise<string> {
  return source.refreshToken === undefined ? "" : await hashSecret(source.refreshToken);
}

// A source that ignores its signal must not delay the requests that wait for it (G10).
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new TokenError({ step: "refresh", code: "TIMEOUT" }));
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

// The new access token cannot be used, but the refresh token that came with it has replaced the one before (G7).
function withOldToken({ record: old }: TokenSlot, record: TokenRecord): TokenRecord {
  const { accessToken = "", expiresAt = record.issuedAt, issuedAt = record.issuedAt } = old ?? {};
  return { ...record, accessToken, expiresAt, issuedAt };
}

function assertSameAccount(slot: TokenSlot, record: TokenRecord): void {
  const before = slot.record && readClaims(slot.record.accessToken)?.subject;
  const after = readClaims(record.accessToken)?.subject;
  if (before !== undefined && after !== undefined && before !== after)
    throw new TokenError({ step: "refresh", code: "OTHER_ACCOUNT" });
}
