// The creation attempts of one limiter: counted in memory first, then stored for all instances (H2).
import type { Clock } from "../contract/clock.ts";
import type { Leases } from "../contract/lease.ts";
import type { CreationRecord } from "../contract/records.ts";
import type { CreationStore } from "../contract/state.ts";
import { countsSince } from "./creation-window.ts";

export interface CreationAttemptsOptions {
  /** Name of the limiter in the store. */
  key: string;
  leases: Pick<Leases, "time">;
  creations: CreationStore;
  clock: Clock;
  /** Unique to this instance: attempts are named by it. */
  instance: string;
  /** This instance is declared the only one that creates: its own memory is enough while the store is down. */
  isOnly: boolean;
}

/** Times are by the store's clock, UTC epoch ms, unless stated otherwise. */
export class CreationAttempts {
  readonly #options: CreationAttemptsOptions;
  readonly #attempts = new Map<string, CreationRecord>();
  readonly #unstored = new Set<CreationRecord>();
  /** The store's clock minus ours, ms. */
  #ahead = 0;
  #hasListed = false;
  #count = 0;

  constructor(options: CreationAttemptsOptions) {
    this.#options = options;
  }

  get ahead(): number {
    return this.#ahead;
  }

  all(): CreationRecord[] {
    return [...this.#attempts.values()];
  }

  /** Measures the store's clock. Rejects when the store cannot be read, unless memory is enough. */
  async readClock(): Promise<number> {
    const at = await this.time();
    this.#ahead = at - this.#options.clock.now();
    return at;
  }

  time(): Promise<number> {
    const { leases, clock } = this.#options;
    return leases.time().catch((error: unknown) => {
      if (!this.#knowsAll()) throw error;
      return clock.now() + this.#ahead;
    });
  }

  /** Counts an attempt that begins at `at`. Rejects when it cannot be stored, unless memory is enough. */
  async begin(at: number): Promise<CreationRecord> {
    const { key, instance } = this.#options;
    const record = { limiter: key, id: `${instance}-${++this.#count}`, at, endedAt: undefined };
    await this.#put(record);
    return record;
  }

  /** Never rejects: without its end an attempt counts from the last moment at which its call may have been sent, which is safe. */
  async end(record: CreationRecord, endedAt: number): Promise<void> {
    await this.#put({ ...record, endedAt }).catch(() => {});
  }

  /** Reads the attempts of all instances. Rejects when they cannot be read, unless memory is enough. */
  async refresh(at: number): Promise<void> {
    const before = countsSince(at);
    try {
      await this.#read(before, at);
      this.#hasListed = true;
    } catch (error) {
      if (!this.#knowsAll()) throw error;
    }
    for (const [id, record] of this.#attempts) if (record.at < before) this.#attempts.delete(id);
  }

  async #read(before: number, at: number): Promise<void> {
    const { key, creations } = this.#options;
    for (const record of this.#unstored) {
      await creations.add(record);
      this.#unstored.delete(record);
    }
    for (const record of await creations.list(key, before, at))
      if (record.endedAt !== undefined || !this.#attempts.has(record.id))
        this.#attempts.set(record.id, record);
  }

  /** Counts in memory first: an attempt that could not be stored stays counted, and is stored later. */
  async #put(record: CreationRecord): Promise<void> {
    this.#attempts.set(record.id, record);
    try {
      await this.#options.creations.add(record);
    } catch (error) {
      this.#unstored.add(record);
      if (!this.#knowsAll()) throw error;
    }
  }

  // The only instance knows every attempt, once it has read those of earlier processes.
  #knowsAll(): boolean {
    return this.#options.isOnly && this.#hasListed;
  }
}
