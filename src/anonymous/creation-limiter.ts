// The right to create one anonymous token: counted before it is used, for all instances on the store, whatever the outcome (H2).
import type { CreateLimits } from "../contract/anonymous-source.ts";
import type { Lease, Leases } from "../contract/lease.ts";
import type { CreationRecord } from "../contract/records.ts";
import { CreationAttempts, type CreationAttemptsOptions } from "./creation-attempts.ts";
import { CALL_TIME, DAY, HOUR, MAX_COUNT_TO_CALL, nextCreationAt } from "./creation-window.ts";

export interface LimiterOptions extends CreationAttemptsOptions {
  leases: Leases;
}

/** The outcome of an attempt. Times are UTC epoch ms by our own clock. */
export type AttemptOutcome<T> =
  | { kind: "made"; value: T }
  | { kind: "failed"; error: unknown }
  /** Nothing was created: the limit allows the next attempt at `at`. */
  | { kind: "later"; at: number }
  /** Another instance is creating. */
  | { kind: "held" }
  /** The store cannot be read or written: nothing was created. */
  | { kind: "down"; error: unknown }
  | { kind: "unwanted" };

type Later = Extract<AttemptOutcome<never>, { kind: "later" }>;

export interface CreationLimiter {
  /**
   * Runs `create` if the limits allow it now. `isWanted` is called under the lease, before anything is counted. `create`
   * must settle within `CALL_TIME`. `keep` stores what was created, still under the lease: the next holder must find it.
   */
  attempt<T>(
    limits: CreateLimits,
    isWanted: () => Promise<boolean>,
    create: () => Promise<T>,
    keep?: (value: T) => Promise<void>,
  ): Promise<AttemptOutcome<T>>;
  /** When the next attempt is allowed, as far as is known, UTC epoch ms by our own clock. */
  nextAt(limits: CreateLimits): number;
  /** Attempts in the last hour and in the last day, as far as is known. */
  counts(): { hour: number; day: number };
}

/** Longer than counting and calling may take together, ms. */
const LEASE_TIME = 2 * (MAX_COUNT_TO_CALL + CALL_TIME);

export function createCreationLimiter(options: LimiterOptions): CreationLimiter {
  return new LeasedLimiter(options);
}

class LeasedLimiter implements CreationLimiter {
  readonly #options: LimiterOptions;
  readonly #attempts: CreationAttempts;
  #isBusy = false;

  constructor(options: LimiterOptions) {
    this.#options = options;
    this.#attempts = new CreationAttempts(options);
  }

  async attempt<T>(
    limits: CreateLimits,
    isWanted: () => Promise<boolean>,
    create: () => Promise<T>,
    keep: (value: T) => Promise<void> = () => Promise.resolve(),
  ): Promise<AttemptOutcome<T>> {
    if (this.#isBusy) return { kind: "held" };
    this.#isBusy = true;
    const { key, leases, isOnly } = this.#options;
    const lease = await leases.acquire(`create:${key}`, LEASE_TIME, true);
    try {
      if (!lease && !isOnly) return { kind: "held" };
      if (!(await isWanted())) return { kind: "unwanted" };
      const counted = await this.#count(limits, lease);
      if (!("id" in counted)) return counted;
      const outcome = await this.#run(counted, create);
      if (outcome.kind === "made") await keep(outcome.value);
      return outcome;
    } catch (error) {
      return { kind: "down", error };
    } finally {
      this.#isBusy = false;
      await lease?.release();
    }
  }

  nextAt(limits: CreateLimits): number {
    return nextCreationAt(this.#attempts.all(), limits) - this.#attempts.ahead;
  }

  counts(): { hour: number; day: number } {
    const now = this.#options.clock.now() + this.#attempts.ahead;
    const attempts = this.#attempts.all();
    const since = (window: number): number => attempts.filter(({ at }) => at > now - window).length;
    return { hour: since(HOUR), day: since(DAY) };
  }

  /** Counts an attempt, or returns when the next one is allowed. */
  async #count(limits: CreateLimits, lease: Lease | undefined): Promise<CreationRecord | Later> {
    const { clock } = this.#options;
    const attempts = this.#attempts;
    const begunAt = clock.now();
    const at = await attempts.readClock();
    await attempts.refresh(at);
    if (nextCreationAt(attempts.all(), limits) > at) return this.#later(limits);
    const record = await attempts.begin(at);
    // Two instances that hold one lease by mistake see each other's attempt here, and neither goes on.
    await attempts.refresh(at);
    const others = attempts.all().filter(({ id }) => id !== record.id);
    const isLate =
      clock.now() - begunAt > MAX_COUNT_TO_CALL || (lease && clock.now() >= lease.until);
    if (!isLate && nextCreationAt(others, limits) <= at) return record;
    await attempts.end(record, at);
    return this.#later(limits);
  }

  async #run<T>(
    record: CreationRecord,
    create: () => Promise<T>,
  ): Promise<Extract<AttemptOutcome<T>, { kind: "made" | "failed" }>> {
    try {
      return { kind: "made", value: await create() };
    } catch (error) {
      return { kind: "failed", error };
    } finally {
      await this.#attempts.time().then(
        (endedAt) => this.#attempts.end(record, endedAt),
        () => {},
      );
    }
  }

  #later(limits: CreateLimits): Later {
    return { kind: "later", at: this.nextAt(limits) };
  }
}
