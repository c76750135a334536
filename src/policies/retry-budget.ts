// How many retries all requests together may have under way: an outage must not be answered with twice the load (E14).
import type { Reason } from "../contract/verdict.ts";

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

/** Failures that many requests meet at once. A credential's own limit ends by rotation and its cooldown, not by a budget. */
const OF_THE_UPSTREAM: ReadonlySet<Reason> = new Set<Reason>([
  "SERVER_ERROR",
  "TIMEOUT",
  "NETWORK",
  "EMPTY",
  "MODEL_CAPACITY_EXHAUSTED",
]);

export function isBudgeted(reason: Reason): boolean {
  return OF_THE_UPSTREAM.has(reason);
}

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
