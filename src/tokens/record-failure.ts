// What follows from a failed refresh: a retry after a backoff, or a credential that needs a new login (G8, G9).
import type { Clock } from "../contract/clock.ts";
import type { TokenStore } from "../contract/state.ts";
import type { Refusal, Verdict } from "../contract/verdict.ts";
import { hideTokenLike } from "../observe/secret-directory.ts";
import { refreshTokenOf, type TokenSlot } from "./token-slot.ts";
import { TokenError } from "./token-error.ts";

export interface FailureDeps {
  clock: Clock;
  tokens: TokenStore;
  /** Classifies an endpoint's refusal. */
  classify(refusal: Refusal): Verdict;
  /** Called when the grant is gone and only a new login helps (G8). */
  onRelogin(credential: string, reason: string): void;
}

/** Codes of errors that a retry cannot resolve. */
const PERMANENT: ReadonlySet<string> = new Set(["UNSURE", "NO_REFRESH"]);
/** Backoff after the first failure, doubled after each further one, in ms. */
const FIRST_RETRY = 5_000;
const MAX_RETRY = 300_000;

/** Applies a failed refresh to the slot. Returns the code of the error. */
export async function recordFailure(
  { clock, tokens, classify, onRelogin }: FailureDeps,
  slot: TokenSlot,
  error: unknown,
): Promise<string> {
  const code = error instanceof TokenError ? error.code : "SOURCE";
  const refusal = error instanceof TokenError && code === "REFUSED" ? error.refusal : undefined;
  const verdict = refusal && classify(refusal);
  const isPermanent = PERMANENT.has(code) || verdict?.disables === true;
  if (isPermanent && (await adoptSuccessor(tokens, slot))) return code;
  slot.lastError = hideTokenLike(verdict ? `${verdict.reason} (${verdict.evidence})` : code);
  if (isPermanent) {
    slot.relogin = slot.lastError;
    onRelogin(slot.id, slot.lastError);
    return code;
  }
  const backoff = Math.min(FIRST_RETRY * 2 ** slot.failures++, MAX_RETRY);
  slot.retryAt = clock.now() + Math.max(verdict?.hint ?? 0, backoff);
  return code;
}

// Another instance may have used the refresh token and stored its successor (G8). True when it has.
async function adoptSuccessor(tokens: TokenStore, slot: TokenSlot): Promise<boolean> {
  try {
    const record = await tokens.read(slot.id);
    const isNewer =
      record !== undefined &&
      record.refreshToken !== refreshTokenOf(slot) &&
      record.generation > (slot.record?.generation ?? -1);
    if (isNewer) slot.record = record;
    return isNewer;
  } catch {
    return false;
  }
}
