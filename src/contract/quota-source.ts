/** Whose quota is asked for. */
export interface QuotaQuestion {
  /** Id of the credential. */
  credential: string;
  /** What it presents: a key or an access token. */
  secret: string;
  /** The one model in question; `undefined` where all are. */
  model: string | undefined;
  fetch: typeof fetch;
  /** Aborted after 10 s, and when the relay closes. */
  signal: AbortSignal;
}

/** What is left of a quota. */
export interface QuotaAnswer {
  /** Share that is left, 0 to 1. */
  remaining?: number;
  /** When it is full again: a `Date`, or UTC epoch ms. */
  resetAt?: Date | number;
  /** The same for single models. */
  models?: Record<string, { remaining?: number; resetAt?: Date | number }>;
}

/** Asks an API how much of a credential's quota is left. `undefined`: nobody knows. */
export type QuotaSource = (
  question: QuotaQuestion,
) => Promise<QuotaAnswer | undefined> | QuotaAnswer | undefined;
