// Limits on the number and rate of anonymous users.
import type { Clock } from "../../src/contract/clock.ts";
import type { Ledger } from "../ledger.ts";

/** A creation limit; all windows slide. Without it, creation is unlimited. */
export interface CreationOptions {
  /** @default Infinity */
  perHour?: number;
  /** @default Infinity */
  perDay?: number;
  /** Minimum time between two creations, in ms. @default 0 */
  spacing?: number;
  /** Whether a refusal states a wait. @default false */
  retryAfter?: boolean;
  /** Number of requests that the tokens of a new user may make; afterwards the answer is "No remaining quota". @default Infinity */
  requestsEach?: number;
}

/** Prefix of the names of anonymous users. */
export const ANONYMOUS = "anonymous-";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Counts creations and refuses those above the limit. */
export class Creations {
  readonly options: Required<Omit<CreationOptions, "requestsEach">>;
  #clock: Clock;
  #ledger: Ledger;
  #at: number[] = [];

  constructor(options: CreationOptions, clock: Clock, ledger: Ledger) {
    const { perHour = Infinity, perDay = Infinity, spacing = 0, retryAfter = false } = options;
    this.options = { perHour, perDay, spacing, retryAfter };
    this.#clock = clock;
    this.#ledger = ledger;
  }

  /** Counts an attempt; returns 0 when it is allowed, otherwise the wait in ms until one would be. */
  attempt(): number {
    const { creations } = this.#ledger;
    creations.attempts++;
    const wait = this.#wait();
    if (wait > 0) {
      creations.refused++;
      return wait;
    }
    creations.created++;
    this.#at.push(this.#clock.now());
    return 0;
  }

  /** Returns the name of the user that was just created. */
  name(): string {
    return `${ANONYMOUS}${this.#ledger.creations.created}`;
  }

  #wait(): number {
    const now = this.#clock.now();
    this.#at = this.#at.filter((at) => at > now - DAY);
    const { perHour, perDay, spacing } = this.options;
    const free = [this.#freeAt(1, spacing), this.#freeAt(perHour, HOUR), this.#freeAt(perDay, DAY)];
    return Math.max(0, ...free.map((at) => at - now));
  }

  // A window of `limit` creations has a free slot when the creation `limit` positions back has left it.
  #freeAt(limit: number, window: number): number {
    const oldest = this.#at.at(-limit);
    if (limit <= 0) return Infinity;
    return oldest === undefined || this.#at.length < limit ? 0 : oldest + window;
  }
}
