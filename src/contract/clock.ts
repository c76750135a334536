/** Source of time and timers. Injected everywhere, so that no test sleeps. */
export interface Clock {
  /** Returns the current time, UTC epoch ms. */
  now(): number;
  /** Calls `wake` once after `delay` ms. Returns a function that cancels the timer. A timer never keeps the process alive. */
  after(delay: number, wake: () => void): CancelTimer;
}

/** Cancels a timer; has no effect on one that has fired. */
export type CancelTimer = () => void;

/** Returns a number in [0, 1), like `Math.random`. */
export type Random = () => number;
