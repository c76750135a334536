/** Source of time and timers. Injected everywhere, so that no test sleeps. */
export interface Clock {
  /** Returns the current time, UTC epoch ms. Never goes back, and never jumps while a deadline of a request is pending (K12). */
  now(): number;
  /**
   * Calls `wake` once after `delay` ms. Returns a function that cancels the timer. A timer never keeps the process alive.
   * `isDeadline`: a deadline of a request, during which `now` must not jump.
   */
  after(delay: number, wake: () => void, isDeadline?: boolean): CancelTimer;
  /**
   * Returns the time of the machine's wall clock, UTC epoch ms, which may jump. For times that other processes compare or state
   * themselves. @default the same as `now`
   */
  wall?(): number;
}

/** Cancels a timer; has no effect on one that has fired. */
export type CancelTimer = () => void;

/** Returns a number in [0, 1), like `Math.random`. */
export type Random = () => number;
