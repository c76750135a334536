// The error of a token that could not be created, exchanged or refreshed.
import type { Refusal } from "../contract/verdict.ts";

/** The step that failed (H1). */
export type TokenStep = "create" | "exchange" | "refresh";

export interface TokenErrorFacts {
  step: TokenStep;
  /** `NETWORK`, `TIMEOUT`, `REFUSED`, `INVALID_ANSWER`, or the relay's reason for a refusal (`CREATE_LIMITED`). */
  code: string;
  /** The endpoint's answer. It is never logged or shown, since it may hold a token. */
  refusal?: Refusal | undefined;
  /** The field that is missing in an otherwise good answer. */
  what?: string | undefined;
  /** Wait before the next attempt, in ms, when the source states one. */
  retryAfter?: number | undefined;
  cause?: unknown;
}

const WORDS: Readonly<Record<string, string>> = {
  NETWORK: "the endpoint could not be reached",
  TIMEOUT: "the endpoint did not answer within the time limit",
  REFUSED: "the endpoint refused the request",
  INVALID_ANSWER: "the endpoint's answer is invalid",
  EXPIRED: "the new token has already expired",
  SAME: "the new token is the one that was refused",
  OTHER_ACCOUNT: "the new token belongs to another account",
  SOURCE: "the token function failed",
  STORE: "the store could not be read or locked",
  STORE_LAGS: "the store returns what is written too late for several instances",
  UNSURE: "it is unknown whether the refresh token has been used",
};

/** Why there is no token. The message names the step and never quotes an answer. */
export class TokenError extends Error {
  override readonly name = "TokenError";
  readonly step: TokenStep;
  readonly code: string;
  readonly retryAfter: number | undefined;
  // Private, so that a logger that prints the fields of an error prints no body.
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

  /** The endpoint's answer, to be classified. */
  get refusal(): Refusal | undefined {
    return this.#refusal;
  }
}
