// Waits by the relay's clock.
import type { Clock } from "../contract/clock.ts";

export interface Wait<T> {
  promise: Promise<T>;
  /** Ends the wait now: the promise rejects with `error`. */
  abandon: (error: Error) => void;
}

/** Waits for `work`, at most `limit` ms. */
export function waitAtMost<T>(work: PromiseLike<T>, limit: number, clock: Clock): Wait<T> {
  let abandon!: (error: Error) => void;
  const promise = new Promise<T>((resolve, reject) => {
    abandon = reject;
    work.then(resolve, reject);
  });
  const tooLate = (): void => abandon(new Error(`it has not settled within ${limit} ms`));
  const cancel = clock.after(limit, tooLate);
  promise.then(cancel, cancel);
  return { promise, abandon };
}

/** Resolves after `ms`. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}
