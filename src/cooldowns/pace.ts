// The paced return to one key whose cooldown has ended (F8): one request first, then waves that double while no refusal comes.

/** Pacing ends this long after the key has opened, in ms, if no refusal has come; longer if a refusal usually takes longer. */
export const PACED_FOR = 5_000;
/** The next wave does not begin earlier than this without answers, in ms. */
const SHORTEST_STEP = 1_000;
/** After this time, in ms, a probe without a result makes way for another (F4). */
const PROBE = 60_000;

export class Pace {
  /** How long a refusal of this key usually takes, in ms; 0 if none was measured. */
  readonly #refusalTime: number;
  /** Requests that were served between the last two refusals: the next refusal is expected after as many. */
  #expected: number;
  /** No request was served yet, and the end of the cooldown was the relay's own choice: one request at a time. */
  #isTrial = false;
  /** Number and size of the current wave. */
  #wave = 0;
  #size = 1;
  /** Requests that the current wave still admits, and its requests without an answer. */
  #left = 0;
  #pending = 0;
  #admitted = 0;
  #served = 0;
  /** A wave has begun although answers of the last one were missing. */
  #isGuess = false;
  /** When the next wave begins although answers are missing, UTC epoch ms. */
  #nextAt = 0;
  /** When pacing ends, UTC epoch ms; 0 before it has begun. */
  #overAt = 0;

  constructor(refusalTime: number = 0, expected: number = Infinity) {
    this.#refusalTime = refusalTime;
    this.#expected = expected;
  }

  /** The pace after the next cooldown, which began with a refusal that took `time` ms. */
  afterRefusal(time: number): Pace {
    const known = this.#refusalTime;
    const usual = known > 0 && time > 0 ? (known + time) / 2 : Math.max(known, time);
    return new Pace(usual, this.#served > 0 && !this.#isGuess ? this.#served : Infinity);
  }

  get isTrial(): boolean {
    return this.#isTrial;
  }

  /** True when further requests were admitted after the first: it was served, or no refusal came in time. */
  get hasAdvanced(): boolean {
    return this.#wave > 1;
  }

  /** True while requests are admitted in waves. */
  isActive(now: number): boolean {
    return now < this.#overAt;
  }

  /** How many further requests the current wave admits. */
  get places(): number {
    return this.#left;
  }

  /** Until when no further request is admitted, UTC epoch ms; 0 while the wave has a place. */
  get closedUntil(): number {
    return this.#left > 0 ? 0 : Math.min(this.#nextAt, this.#overAt);
  }

  /** Begins with one request. `isTrial`: the relay has chosen the end of the cooldown. */
  begin(isTrial: boolean, now: number): void {
    this.#isTrial = isTrial;
    this.#overAt = isTrial ? Infinity : this.#endAfter(now);
    this.#open(1);
  }

  /** Begins with two requests: one was served. */
  beginServed(now: number): void {
    this.#served = this.#admitted = 1;
    this.#overAt = this.#endAfter(now);
    this.#open(2);
  }

  /** Admits one request, while a place is free. Returns the number of its wave. */
  admit(now: number): number {
    if (this.#left === 0) this.#nextUnanswered();
    // Without answers the next wave begins when a refusal of the last request of this one would have come.
    if (--this.#left === 0) this.#nextAt = now + (this.#isTrial ? PROBE : this.#step);
    this.#pending++;
    this.#admitted++;
    return this.#wave;
  }

  /** A request of wave number `wave` was served. */
  serve(wave: number, now: number): void {
    this.#served++;
    if (this.#isTrial) {
      this.#isTrial = false;
      this.#overAt = this.#endAfter(now);
      return this.#next();
    }
    if (wave !== this.#wave) return;
    this.#pending--;
    if (this.#left === 0 && this.#pending === 0) this.#next();
  }

  /** A request of wave number `wave` has ended without an answer that counts: its place is free again. */
  release(wave: number): void {
    this.#admitted--;
    if (wave !== this.#wave) return;
    this.#pending--;
    this.#left++;
  }

  #endAfter(now: number): number {
    return now + Math.max(PACED_FOR, this.#step);
  }

  get #step(): number {
    return Math.max(SHORTEST_STEP, 2 * this.#refusalTime);
  }

  // Up to the number of requests after which the last refusal came, and one more; from there on in small waves again.
  #next(): void {
    if (this.#isTrial) return this.#open(1);
    const untilExpected = this.#expected + 1 - this.#admitted;
    if (untilExpected > 0) return this.#open(Math.min(2 * this.#size, untilExpected));
    const isFirst = this.#expected !== Infinity;
    this.#expected = Infinity;
    this.#open(isFirst ? 1 : 2 * this.#size);
  }

  // Without answers it is unknown how many requests the upstream has accepted.
  #nextUnanswered(): void {
    this.#isGuess = true;
    this.#expected = Infinity;
    this.#next();
  }

  #open(size: number): void {
    this.#wave++;
    this.#size = this.#left = size;
    this.#pending = 0;
  }
}
