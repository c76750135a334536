// The system's clock. It runs on a monotonic timer: a wall clock that jumps neither cuts a stream nor locks a key (K12).
import type { CancelTimer, Clock } from "../contract/clock.ts";

/** A longer `setTimeout` fires at once. */
const LONGEST = 2 ** 31 - 1;
/** How often the wall clock is compared, in ms. */
const LOOK_EVERY = 1_000;
/** A difference from the wall clock up to this one stays, in ms. */
const TOLERATED = 1_000;
/** Share of the elapsed time by which the clock approaches the wall clock: an hour takes 20 hours, and a timeout of 60 s is off by 3 s. */
const APPROACH = 1 / 20;

/**
 * Creates a clock that starts at the wall clock's time and then runs on a monotonic timer. It approaches a wall clock that has jumped
 * slowly. It follows a jump ahead at once only while no deadline of a request is pending: after a suspension of the process (a
 * laptop, a function) the monotonic timer has not run.
 */
export function createSystemClock(): Clock {
  const clock = new SteadyClock();
  // Its functions are passed on alone, too.
  return {
    now: () => clock.now(),
    wall: () => Date.now(),
    after: (delay, wake, isDeadline) => clock.after(delay, wake, isDeadline),
  };
}

class SteadyClock {
  /** The clock's time at the last comparison with the wall clock, UTC epoch ms, and the monotonic time of it. */
  #base = 0;
  #baseAt = -Infinity;
  /** How far the wall clock was ahead at the last comparison, in ms; 0 within the tolerance. */
  #ahead = 0;
  /** Number of pending deadlines of requests. */
  #deadlines = 0;

  now(): number {
    const elapsed = performance.now();
    // On Workers the wall clock shows 0 outside of a request.
    if (elapsed - this.#baseAt >= LOOK_EVERY || this.#base === 0) this.#compare(elapsed);
    return Math.floor(this.#timeAt(elapsed));
  }

  after(delay: number, wake: () => void, isDeadline = false): CancelTimer {
    if (!isDeadline) return startTimer(delay, wake);
    let isPending = true;
    const done = (): void => {
      if (isPending) this.#deadlines--;
      isPending = false;
    };
    this.#deadlines++;
    // Pending until `wake` has ended: it may set the next deadline of the same request.
    const cancel = startTimer(delay, () => {
      try {
        wake();
      } finally {
        done();
      }
    });
    return () => (cancel(), done());
  }

  #timeAt(elapsed: number): number {
    const passed = elapsed - this.#baseAt;
    const most = passed * APPROACH;
    return this.#base + passed + Math.min(Math.max(this.#ahead, -most), most);
  }

  #compare(elapsed: number): void {
    const wall = Date.now();
    const time = this.#base === 0 ? wall : this.#timeAt(elapsed);
    const ahead = Math.abs(wall - time) > TOLERATED ? wall - time : 0;
    const follows = ahead > 0 && this.#deadlines === 0;
    this.#base = follows ? wall : time;
    this.#baseAt = elapsed;
    this.#ahead = follows ? 0 : ahead;
  }
}

function startTimer(delay: number, wake: () => void): CancelTimer {
  const timer: unknown = setTimeout(wake, Math.min(delay, LONGEST));
  if (typeof timer === "object" && timer !== null && "unref" in timer)
    (timer as { unref: () => void }).unref();
  return () => clearTimeout(timer as number);
}

export const systemClock: Clock = createSystemClock();
