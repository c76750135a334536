/** What a quota source is asked. */
export interface QuotaQuestion {
  /** Id of the credential. */
  credential: string;
  /** Its secret: a key or an access token. */
  secret: string;
  /** The model in question; `undefined` for all models. */
  model: string | undefined;
  /** The `fetch` to call the API with. */
  fetch: typeof fetch;
  /** Aborted after 10 s, and when the relay closes. */
  signal: AbortSignal;
}

/** Remaining quota of a credential. */
export interface QuotaAnswer {
  /** Share of the quota that is left, from 0 to 1. */
  remaining?: number;
  /** Time at which the quota is full again: a `Date`, or UTC epoch ms. */
  resetAt?: Date | number;
  /** The same for single models, by name. */
  models?: Record<string, ModelQuota>;
}

/** Remaining quota of a credential for one model. */
export interface ModelQuota {
  /** Share of the quota that is left, from 0 to 1. */
  remaining?: number;
  /** Time at which the quota is full again: a `Date`, or UTC epoch ms. */
  resetAt?: Date | number;
}

/** Asks an API how much of a credential's quota is left. `undefined`: unknown. */
export type QuotaSource = (
  question: QuotaQuestion,
) => Promise<QuotaAnswer | undefined> | QuotaAnswer | undefined;
