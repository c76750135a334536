// The system's clock. Its timers never keep a process alive.
import type { Clock } from "../contract/clock.ts";

/** A longer `setTimeout` fires at once. */
const LONGEST = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delay, wake) {
    const timer: unknown = setTimeout(wake, Math.min(delay, LONGEST));
    if (typeof timer === "object" && timer !== null && "unref" in timer)
      (timer as { unref: () => void }).unref();
    return () => clearTimeout(timer as number);
  },
};
