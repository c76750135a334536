// The default clock.
import type { CancelTimer, Clock } from "../src/contract/clock.ts";

export const realClock: Clock = {
  now: () => Date.now(),
  after(delay: number, wake: () => void): CancelTimer {
    const timer = setTimeout(wake, delay);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
