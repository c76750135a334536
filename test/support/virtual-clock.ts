/** A clock for tests: it does not run until `advance` moves it. */
import type { CancelTimer, Clock } from "../../src/contract/clock.ts";

export interface VirtualClock extends Clock {
  /** Advances by `ms` and runs every timer that is due on the way, in order of time, then of creation. */
  advance(ms: number): Promise<void>;
  /** Lets settled promises continue, without advancing. */
  settle(): Promise<void>;
  /** Number of pending timers, to verify that nothing is left behind. */
  pending(): number;
}

interface Wake {
  at: number;
  order: number;
  run(): void;
}

/** Creates a clock that starts at `startAt` (UTC epoch ms), by default 2026-01-01T00:00:00Z. */
export function createVirtualClock(startAt: number = Date.UTC(2026, 0, 1)): VirtualClock {
  const wakes = new Set<Wake>();
  let now = startAt;
  let asked = 0;

  function after(delay: number, run: () => void): CancelTimer {
    const wake: Wake = { at: now + Math.max(0, delay), order: asked++, run };
    wakes.add(wake);
    return () => void wakes.delete(wake);
  }

  async function advance(ms: number): Promise<void> {
    const until = now + ms;
    await settle();
    for (let wake = nextDue(wakes, until); wake; wake = nextDue(wakes, until)) {
      wakes.delete(wake);
      now = Math.max(now, wake.at);
      wake.run();
      await settle();
    }
    now = until;
  }

  return { now: () => now, after, advance, settle, pending: () => wakes.size };
}

function nextDue(wakes: ReadonlySet<Wake>, until: number): Wake | undefined {
  let next: Wake | undefined;
  for (const wake of wakes) {
    if (wake.at <= until && (!next || comesBefore(wake, next))) next = wake;
  }
  return next;
}

function comesBefore(a: Wake, b: Wake): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

// One turn of the event loop runs every chain of microtasks to its end; a few let a stream continue.
async function settle(turns = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
