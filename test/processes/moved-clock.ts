/** The real clock, advanced by hand and with a constant offset: hours pass in a test, in several processes at once. */
import type { CancelTimer, Clock } from "../../src/contract/clock.ts";

export interface MovedClock extends Clock {
  /** How far it has been advanced in total, in ms; without its offset. */
  readonly passed: number;
  /** Advances to `passed`; wakes everything that is due on the way, in order. */
  pass(passed: number): void;
}

interface Wake {
  at: number;
  timer: NodeJS.Timeout;
  run(): void;
}

/** `off`: how far the clock is ahead of the correct time, in ms. */
export function createMovedClock(off = 0): MovedClock {
  const wakes = new Set<Wake>();
  let passed = 0;
  const now = (): number => Date.now() + passed + off;

  function after(delay: number, wake: () => void): CancelTimer {
    const run = (): void => {
      clearTimeout(one.timer);
      if (wakes.delete(one)) wake();
    };
    const one: Wake = { at: now() + delay, run, timer: setTimeout(run, delay) };
    one.timer.unref();
    wakes.add(one);
    return () => {
      clearTimeout(one.timer);
      wakes.delete(one);
    };
  }

  function pass(to: number): void {
    passed = to;
    for (const one of [...wakes].toSorted((a, b) => a.at - b.at)) {
      if (one.at <= now()) one.run();
      else {
        clearTimeout(one.timer);
        one.timer = setTimeout(one.run, one.at - now()).unref();
      }
    }
  }

  return {
    now,
    after,
    pass,
    get passed() {
      return passed;
    },
  };
}
