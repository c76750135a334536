/** A running clock, for tests that measure how soon something happens. Counts pending timers, like the virtual one. */
import type { VirtualClock } from "./virtual-clock.ts";

/** Creates a real clock. `advance` lets the loop turn once and advances nothing. */
export function createRealClock(): VirtualClock {
  let pending = 0;
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    now: () => Date.now(),
    after(delay, wake) {
      let isWaiting = true;
      const done = (): void => {
        if (isWaiting) pending--;
        isWaiting = false;
      };
      pending++;
      const timer = setTimeout(() => (done(), wake()), delay);
      timer.unref();
      return () => (clearTimeout(timer), done());
    },
    advance: settle,
    settle,
    pending: () => pending,
  };
}
