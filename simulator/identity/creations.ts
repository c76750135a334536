// How many anonymous users may be created, and how fast.
import type { Clock } from "../../src/contract/clock.ts";
import type { Ledger } from "../ledger.ts";

/** A creation limit; all windows slide. Left out, creation is unlimited. */
export interface CreationOptions {
  /** @default Infinity */
  perHour?: number;
  /** @default Infinity */
  perDay?: number;
  /** Least time between two creations, ms. @default 0 */
  spacing?: number;
  /** Whether a refusal says when to come back. @default false */
  retryAfter?: boolean;
  /** Requests that a new user's tokens are good for, after which they are answered "No remaining quota". @default Infinity */
  requestsEach?: number;
}

/** How the names of anonymous users begin. */
export const ANONYMOUS = "anonymous-";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Counts creations and refuses those that come too often. */
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

  /** Counts an attempt; returns 0 when it is admitted, otherwise the wait until one would be, ms. */
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

  /** Names the user that was just created. */
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

  // A window of `limit` creations is free again when the one `limit` places back has left it.
  #freeAt(limit: number, window: number): number {
    const oldest = this.#at.at(-limit);
    if (limit <= 0) return Infinity;
    return oldest === undefined || this.#at.length < limit ? 0 : oldest + window;
  }
}
