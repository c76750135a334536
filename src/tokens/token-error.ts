// A token that could not be made, exchanged or refreshed.
import type { Refusal } from "../contract/verdict.ts";

/** Where in the life of a token it happened (H1). */
export type TokenStep = "create" | "exchange" | "refresh";

export interface TokenErrorFacts {
  step: TokenStep;
  /** `NETWORK`, `TIMEOUT`, `REFUSED`, `INVALID_ANSWER`, or the relay's word for what was refused (`CREATE_LIMITED`). */
  code: string;
  /** What the endpoint answered. Never told to anybody: it may hold a token. */
  refusal?: Refusal | undefined;
  /** What a good answer lacked. */
  what?: string | undefined;
  /** How long to wait before the next, ms, where the source knows. */
  retryAfter?: number | undefined;
  cause?: unknown;
}

const WORDS: Readonly<Record<string, string>> = {
  NETWORK: "the endpoint could not be reached",
  TIMEOUT: "the endpoint did not answer in time",
  REFUSED: "the endpoint refused",
  INVALID_ANSWER: "the endpoint's answer is not what it should be",
  EXPIRED: "the new token has expired already",
  SAME: "the new token is the one that was refused",
  OTHER_ACCOUNT: "the new token belongs to another account",
  SOURCE: "the operator's function failed",
  STORE: "the store, or the right to refresh alone, cannot be had now",
  UNSURE: "whether the refresh token has been used is not known",
};

/** Carries why there is no token. Its message names the step and never quotes an answer. */
export class TokenError extends Error {
  override readonly name = "TokenError";
  readonly step: TokenStep;
  readonly code: string;
  readonly retryAfter: number | undefined;
  // Private, so that no logger that walks over an error prints a body.
  readonly #refusal: Refusal | undefined;

  constructor({ step, code, refusal, what, retryAfter, cause }: TokenErrorFacts) {
    const status = refusal ? ` (status ${refusal.status})` : "";
    super(`${step}: ${WORDS[code] ?? code}${what ? `, ${what} is missing` : ""}${status}`, {
      cause,
    });
    this.step = step;
    this.code = code;
    this.retryAfter = retryAfter;
    this.#refusal = refusal;
  }

  /** What the endpoint answered, to be judged. */
  get refusal(): Refusal | undefined {
    return this.#refusal;
  }
}
