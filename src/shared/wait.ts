// Waits with a time limit, on the injected clock.
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
  const tooLate = (): void => abandon(new Error(`it did not settle within ${limit} ms`));
  const cancel = clock.after(limit, tooLate);
  promise.then(cancel, cancel);
  return { promise, abandon };
}

export interface Pause {
  promise: Promise<void>;
  /** Ends the pause now: the promise resolves. */
  end: () => void;
}

/** Waits `time` ms. */
export function pause(time: number, clock: Clock): Pause {
  let end!: () => void;
  const promise = new Promise<void>((resolve) => {
    const cancel = clock.after(time, resolve);
    end = () => {
      cancel();
      resolve();
    };
  });
  return { promise, end };
}

/** Waits until `work` has settled, at most `limit` ms. Resolves with whether it has; never rejects. */
export function settledWithin(
  work: Promise<unknown>,
  limit: number,
  clock: Clock,
): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.after(limit, () => resolve(false));
    const done = (): void => {
      cancel();
      resolve(true);
    };
    work.then(done, done);
  });
}
