// All deadlines of one request on one timer. Postponing a deadline, which each chunk does, costs one assignment.
import type { CancelTimer, Clock } from "../contract/clock.ts";

/** The deadlines of a request. */
export type TimerName =
  | "body"
  | "wait"
  | "connect"
  | "firstByte"
  | "idle"
  | "payload"
  | "commit"
  | "heartbeat"
  | "deadline"
  | "total"
  | "drain"
  | "stall";

const NAMES: readonly TimerName[] = [
  "body",
  "wait",
  "connect",
  "firstByte",
  "idle",
  "payload",
  "commit",
  "heartbeat",
  "deadline",
  "total",
  "drain",
  "stall",
];
const SLOTS = Object.fromEntries(NAMES.map((name, slot) => [name, slot])) as Record<
  TimerName,
  number
>;

/** The clock's first timer is set no later than this, in ms, so that the deadline set next need not move it. */
const FIRST_LOOK = 10_000;

export class RequestTimers {
  readonly #clock: Clock;
  readonly #dueAt: number[] = NAMES.map(() => Infinity);
  readonly #wakes: ((() => void) | undefined)[] = NAMES.map(() => undefined);
  #armedFor = Infinity;
  #cancel: CancelTimer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `wake` once at `at` (UTC epoch ms), and replaces the deadline of the same name. */
  set(name: TimerName, at: number, wake: () => void): void {
    this.#wakes[SLOTS[name]] = wake;
    this.move(name, at);
  }

  /** Moves a deadline that is set. The clock's own timer is not moved when it fires too early: it then checks again. */
  move(name: TimerName, at: number): void {
    this.#dueAt[SLOTS[name]] = at;
    if (at < this.#armedFor) this.#arm(Math.min(at, this.#clock.now() + FIRST_LOOK));
  }

  /** When a deadline is due (UTC epoch ms); `Infinity` where it is not set. */
  dueAt(name: TimerName): number {
    return this.#dueAt[SLOTS[name]]!;
  }

  clear(name: TimerName): void {
    this.#dueAt[SLOTS[name]] = Infinity;
    this.#wakes[SLOTS[name]] = undefined;
  }

  /** Drops all deadlines; no timer remains. */
  stop(): void {
    this.#dueAt.fill(Infinity);
    this.#wakes.fill(undefined);
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedFor = Infinity;
  }

  // The next timer is set before the last one is cancelled: without a pending deadline the clock might jump (K12).
  #arm(at: number): void {
    const cancelLast = this.#cancel;
    this.#armedFor = at;
    const delay = Math.max(0, at - this.#clock.now());
    this.#cancel = this.#clock.after(delay, () => this.#ring(), true);
    cancelLast?.();
  }

  #ring(): void {
    this.#armedFor = Infinity;
    this.#cancel = undefined;
    const now = this.#clock.now();
    for (let slot = 0; slot < NAMES.length; slot++) {
      if (this.#dueAt[slot]! > now) continue;
      const wake = this.#wakes[slot];
      this.#dueAt[slot] = Infinity;
      this.#wakes[slot] = undefined;
      wake?.();
    }
    const next = Math.min(...this.#dueAt);
    if (next < this.#armedFor) this.#arm(next);
  }
}
