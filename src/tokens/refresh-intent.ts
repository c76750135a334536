// Notes in the store that a rotating refresh token is about to be sent (M4).
import type { TokenRecord } from "../contract/records.ts";
import type { UnsettledIntent } from "../contract/state.ts";
import { hashSecret, isSameSecret } from "../state/secrets/secret-hash.ts";
import type { RefreshDeps } from "./refresh-deps.ts";
import { originHashOf } from "./source-request.ts";
import { TokenError } from "./token-error.ts";
import { refreshTokenOf, type TokenSlot } from "./token-slot.ts";

type IntentDeps = Pick<RefreshDeps, "clock" | "tokens">;

/** A refresh token whose use is unknown is sent at most this many times in all (M4). */
const MAX_SENT = 2;

/**
 * Writes that the slot's refresh token is about to be sent, and returns how many such notes had no outcome. A note without the token
 * that it announced means that its writer ended between the server's answer and the store: the refresh token is sent once more,
 * though it may be refused as used, and not a third time.
 */
export async function declareIntent(
  deps: IntentDeps,
  slot: TokenSlot,
  generation: number,
): Promise<number> {
  const token = refreshTokenOf(slot);
  if (token === undefined) return 0;
  try {
    const unsettled = await deps.tokens.intents(slot.id);
    const sent = await countSent(slot, token, unsettled);
    const isTorn = unsettled.some(({ tokenHash }) => tokenHash === "");
    if (sent >= MAX_SENT && !isTorn) throw new TokenError({ step: "refresh", code: "UNSURE" });
    if (sent > 0 && !isTorn) slot.unsure++;
    await deps.tokens.writeIntent({
      credential: slot.id,
      generation,
      tokenHash: await hashSecret(token),
      writtenAt: deps.clock.now(),
    });
    if (!isTorn) return sent;
    // The intent says from now on that this token has been used; a new grant is not affected.
    await deps.tokens.forgetTornIntents(slot.id);
    throw new TokenError({ step: "refresh", code: "UNSURE" });
  } catch (error) {
    throw error instanceof TokenError
      ? error
      : new TokenError({ step: "refresh", code: "STORE", cause: error });
  }
}

/** How often the token may have been sent; more than allowed if it has been used for certain. */
async function countSent(
  slot: TokenSlot,
  token: string,
  unsettled: readonly UnsettledIntent[],
): Promise<number> {
  // The record of a settled intent keeps the count of those before it.
  let sent = slot.record?.unsure ?? 0;
  for (const { tokenHash, wasAnswered } of unsettled)
    if (await isSameSecret(token, tokenHash)) sent += wasAnswered ? MAX_SENT : 1;
  return sent;
}

/**
 * Writes that the announced call has failed, so that this instance's note no longer counts as an unknown outcome (G9). `unsure`, the
 * count of notes by other instances, is kept.
 */
export async function settleIntent(
  { tokens, clock }: IntentDeps,
  slot: TokenSlot,
  generation: number,
  unsure: number,
): Promise<void> {
  const now = clock.now();
  const { refreshToken } = slot.source;
  const originHash = await originHashOf(slot);
  const empty = { accessToken: "", expiresAt: now, issuedAt: now, refreshToken, originHash };
  const old = slot.record ?? empty;
  const record: TokenRecord = { ...old, credential: slot.id, generation, unsure, writtenAt: now };
  await tokens.write(record).then(
    () => (slot.record = record),
    () => {},
  );
}
