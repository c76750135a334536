/** Tells the time and wakes us up. Injected everywhere, so that no test sleeps. */
export interface Clock {
  /** UTC epoch ms. */
  now(): number;
  /** Calls `wake` once after `delay` ms and returns what takes the call back. Never keeps the process alive. */
  after(delay: number, wake: () => void): CancelTimer;
}

export type CancelTimer = () => void;

/** Returns a number in [0, 1), like `Math.random`. */
export type Random = () => number;
