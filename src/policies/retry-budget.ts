// How many retries all requests together may have under way: an outage must not be answered with twice the load (E14).

export interface RetryBudget {
  /** A request begins. */
  enter(): void;
  /** A request that has entered ends. */
  leave(): void;
  /** Takes a retry out of the budget; `undefined` where it is spent. Call what it returns when the retry is over. */
  take(): (() => void) | undefined;
  /** Retries under way, from the decision on, their pause included. */
  readonly retries: number;
}

export interface RetryBudgetOptions {
  /** Retries under way for each request under way. */
  share: number;
  /** So many are always allowed, or a quiet relay could never retry. */
  atLeast: number;
}

export const RETRY_BUDGET: RetryBudgetOptions = { share: 0.2, atLeast: 3 };

export function createRetryBudget({
  share,
  atLeast,
}: RetryBudgetOptions = RETRY_BUDGET): RetryBudget {
  let requests = 0;
  let retries = 0;
  return {
    get retries() {
      return retries;
    },
    enter: () => void requests++,
    leave: () => void requests--,
    take() {
      if (retries >= Math.max(atLeast, Math.floor(requests * share))) return undefined;
      retries++;
      return once(() => retries--);
    },
  };
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    act();
  };
}
