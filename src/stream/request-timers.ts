// All deadlines of one request on one timer. Moving a deadline further away, which each chunk does, costs an assignment.
import type { CancelTimer, Clock } from "../contract/clock.ts";

/** What can fall due in a request's life. */
export type TimerName =
  | "body"
  | "wait"
  | "connect"
  | "firstByte"
  | "idle"
  | "commit"
  | "heartbeat"
  | "deadline"
  | "total"
  | "drain";

const NAMES: readonly TimerName[] = [
  "body",
  "wait",
  "connect",
  "firstByte",
  "idle",
  "commit",
  "heartbeat",
  "deadline",
  "total",
  "drain",
];
const SLOTS = Object.fromEntries(NAMES.map((name, slot) => [name, slot])) as Record<
  TimerName,
  number
>;

/** The clock is first asked to ring no later than this, ms: whatever is set next need not move its timer. */
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

  /** Calls `wake` once at `at` (UTC epoch ms), instead of what was set under this name. */
  set(name: TimerName, at: number, wake: () => void): void {
    this.#wakes[SLOTS[name]] = wake;
    this.move(name, at);
  }

  /** Moves a timer that is set. The clock's own timer is left alone when it rings too early: it looks again then. */
  move(name: TimerName, at: number): void {
    this.#dueAt[SLOTS[name]] = at;
    if (at < this.#armedFor) this.#arm(Math.min(at, this.#clock.now() + FIRST_LOOK));
  }

  /** When a timer is due; `Infinity` where it is not set. */
  dueAt(name: TimerName): number {
    return this.#dueAt[SLOTS[name]]!;
  }

  clear(name: TimerName): void {
    this.#dueAt[SLOTS[name]] = Infinity;
    this.#wakes[SLOTS[name]] = undefined;
  }

  /** Drops everything; no timer remains. */
  stop(): void {
    this.#dueAt.fill(Infinity);
    this.#wakes.fill(undefined);
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedFor = Infinity;
  }

  #arm(at: number): void {
    this.#cancel?.();
    this.#armedFor = at;
    this.#cancel = this.#clock.after(Math.max(0, at - this.#clock.now()), () => this.#ring());
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
