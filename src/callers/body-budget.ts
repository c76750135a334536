// Limits the bytes of request bodies that are held at a time: over all requests, and for one named caller (N4).
import type { BodyMeter } from "../contract/inbound-call.ts";
import { RelayError } from "../shared/errors.ts";

/** One named caller may hold this part of the whole. */
const SHARE = 4;
/** Seconds after which a refused client should try again. */
const RETRY_AFTER = 1;

const OF_ALL = "`limits.bufferedBytes`";
const OF_CALLER = "a quarter of `limits.bufferedBytes`, the share of one caller";

/** The bytes that all requests of a relay, or those of one caller, hold now. */
interface Account {
  held: number;
}

export class BodyBudget {
  readonly #limit: number;
  readonly #all: Account = { held: 0 };
  /** An entry exists only while a body of its caller is held. */
  readonly #callers = new Map<string, Account>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Number of bytes held now. */
  get held(): number {
    return this.#all.held;
  }

  /** Number of callers with bytes held now. */
  get size(): number {
    return this.#callers.size;
  }

  /** Begins to count the body of a request. `caller`: the id that `authorize` returned, if any. */
  open(caller: string | undefined): HeldBody {
    return new HeldBody(this, caller);
  }

  /** Throws where `bytes` more do not fit; `own`: bytes that the same body holds already. */
  check(caller: string | undefined, own: number, bytes: number): void {
    const limit = this.#limit;
    const share = Math.floor(limit / SHARE);
    if (caller !== undefined && own + bytes > share) throw tooLarge(share, OF_CALLER);
    if (own + bytes > limit) throw tooLarge(limit, OF_ALL);
    if (caller !== undefined && (this.#callers.get(caller)?.held ?? 0) + bytes > share)
      throw new RelayError("ERR_RELAY_CALLER_BUFFER", { limit: share, retryAfter: RETRY_AFTER });
    if (this.#all.held + bytes > limit)
      throw new RelayError("ERR_RELAY_BUFFER_FULL", { limit, retryAfter: RETRY_AFTER });
  }

  count(caller: string | undefined, bytes: number): void {
    this.#all.held += bytes;
    if (caller === undefined || bytes === 0) return;
    const account = this.#callers.get(caller) ?? { held: 0 };
    account.held += bytes;
    if (account.held === 0) this.#callers.delete(caller);
    else this.#callers.set(caller, account);
  }
}

function tooLarge(limit: number, detail: string): RelayError {
  return new RelayError("ERR_RELAY_BODY_SIZE", { limit, detail });
}

/** The bytes that one request holds. They are given back once, whatever becomes of the request. */
export class HeldBody implements BodyMeter {
  readonly #budget: BodyBudget;
  readonly #caller: string | undefined;
  #held = 0;
  #isReleased = false;

  constructor(budget: BodyBudget, caller: string | undefined) {
    this.#budget = budget;
    this.#caller = caller;
  }

  expect(bytes: number): void {
    this.#budget.check(this.#caller, this.#held, bytes);
  }

  add(bytes: number): void {
    // The request has ended while its body was arriving: nothing of the rest is kept.
    if (this.#isReleased) throw new RelayError("ERR_RELAY_CLIENT_GONE");
    this.#budget.check(this.#caller, this.#held, bytes);
    this.#held += bytes;
    this.#budget.count(this.#caller, bytes);
  }

  /** Counts what a host has read without counting. */
  settle(bytes: number): void {
    if (bytes > this.#held) this.add(bytes - this.#held);
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#budget.count(this.#caller, -this.#held);
    this.#held = 0;
  }
}
