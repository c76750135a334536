// How many retries all requests together may have under way: an outage must not be answered with twice the load (E14).

export interface RetryBudgetOptions {
  /** Retries under way for each request under way. */
  share: number;
  /** Number of retries that are always allowed; otherwise a quiet relay could never retry. */
  atLeast: number;
}

export const RETRY_BUDGET: RetryBudgetOptions = { share: 0.2, atLeast: 3 };

export class RetryBudget {
  readonly #options: RetryBudgetOptions;
  #requests = 0;
  #retries = 0;

  constructor(options: RetryBudgetOptions = RETRY_BUDGET) {
    this.#options = options;
  }

  /** Number of retries under way, from the decision on, their pause included. */
  get retries(): number {
    return this.#retries;
  }

  /** A request begins. */
  enter(): void {
    this.#requests++;
  }

  /** A request that has entered ends. */
  leave(): void {
    this.#requests--;
  }

  /** Takes a retry from the budget. Returns the function that returns it when the retry has ended; `undefined` if the budget is spent. */
  take(): (() => void) | undefined {
    const { share, atLeast } = this.#options;
    if (this.#retries >= Math.max(atLeast, Math.floor(this.#requests * share))) return undefined;
    this.#retries++;
    let isReturned = false;
    return () => {
      if (isReturned) return;
      isReturned = true;
      this.#retries--;
    };
  }
}
