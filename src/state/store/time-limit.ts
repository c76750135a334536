/** Time limits for calls to the store: a driver that never answers counts as failing (K19). */
import type { Clock } from "../../contract/clock.ts";

/** Limit of a call for one record or a few, ms. */
export const RECORD_TIME = 2_000;
/** Limit of a call that lists keys, and of each call of a load, ms. */
export const LISTING_TIME = 30_000;

/** The store did not answer within the limit. What was asked may still happen. */
export class StoreTimeout extends Error {
  override name = "StoreTimeout";
  readonly code: typeof TIMEOUT_CODE = TIMEOUT_CODE;
  /** In ms. */
  readonly limit: number;

  constructor(limit: number) {
    super(`no answer within ${limit / 1_000} s`);
    this.limit = limit;
  }
}

export const TIMEOUT_CODE = "STORE_TIMEOUT";

/** Resolves as `work` does, or rejects with `StoreTimeout` after `limit` ms. `onLate` is called when `work` succeeds after that. */
export function within<T>(
  work: Promise<T>,
  limit: number,
  clock: Pick<Clock, "after">,
  onLate?: (value: T) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const cancel = clock.after(limit, () => {
      isOver = true;
      reject(new StoreTimeout(limit));
    });
    work.then(
      (value) => {
        cancel();
        if (isOver) onLate?.(value);
        else resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(error as Error);
      },
    );
  });
}
