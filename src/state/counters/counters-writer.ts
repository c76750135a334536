/** Writes the counters to the store, at most one value per second, and reads those of other instances. */
import type { CancelTimer, Clock, Random } from "../../contract/clock.ts";
import { countersFromStored } from "./usage-counters.ts";
import type { Counters, Shard, StoredCounters } from "./usage-counters.ts";
import type { Faults } from "../store/store-faults.ts";
import type { Semaphore } from "../../shared/semaphore.ts";
import { readEach } from "../records/list-records.ts";
import { readStored } from "../records/record-kinds.ts";
import type { StateStorage } from "../store/storage.ts";

export interface CountersWriter {
  /** Schedules a write of what changed, within a second. */
  wake(): void;
  /** Writes everything that changed. Resolves when it is written, or has failed once more. */
  flush(): Promise<void>;
  hasFailed(): boolean;
  /** How many writes have not succeeded: 1 at most, because one is made at a time. */
  unwritten(): number;
  stop(): void;
}

export interface CountersWriterOptions {
  storage: StateStorage;
  /** Key of a shard in the store, without its number. */
  prefix: string;
  counters: Counters;
  clock: Clock;
  faults: Faults;
  /** Called after each successful write. */
  onRecovered(): void;
}

const INTERVAL = 1000;
const LONGEST_DELAY = 60_000;

export function createCountersWriter(options: CountersWriterOptions): CountersWriter {
  return new ShardWriter(options);
}

class ShardWriter implements CountersWriter {
  readonly #options: CountersWriterOptions;
  #cancelTimer: CancelTimer | undefined;
  #writing: Promise<void> | undefined;
  #delay = INTERVAL;
  #failed = false;
  #isStopped = false;

  constructor(options: CountersWriterOptions) {
    this.#options = options;
  }

  wake(): void {
    if (this.#isStopped || this.#cancelTimer || this.#writing) return;
    this.#cancelTimer = this.#options.clock.after(this.#delay, () => {
      this.#cancelTimer = undefined;
      if (!this.#writing) void this.#writeNext();
    });
  }

  async flush(): Promise<void> {
    await this.#writing;
    // Requests are counted meanwhile: a shard that changes from here on waits for its second.
    for (let left = this.#options.counters.changed(); left > 0; left--) {
      await this.#writeNext();
      if (this.#failed) return;
    }
  }

  hasFailed(): boolean {
    return this.#failed;
  }

  unwritten(): number {
    return this.#failed || this.#writing ? 1 : 0;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #writeNext(): Promise<void> {
    const { counters } = this.#options;
    const shard = counters.takeChanged();
    if (!shard) return Promise.resolve();
    this.#writing = this.#write(shard).finally(() => {
      this.#writing = undefined;
      if (counters.changed() > 0) this.wake();
    });
    return this.#writing;
  }

  async #write(shard: Shard): Promise<void> {
    const { storage, prefix, counters, faults, onRecovered } = this.#options;
    const key = `${prefix}${shard.index}`;
    try {
      await storage.setItem(key, counters.toStored(shard));
      this.#delay = INTERVAL;
      this.#failed = false;
      onRecovered();
    } catch (error) {
      counters.putBack(shard);
      this.#failed = true;
      this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY);
      faults.report("write", key, error);
    }
  }
}

export interface OthersOptions {
  storage: StateStorage;
  readSemaphore: Semaphore;
  clock: Clock;
  random: Random;
}

// Each start of an instance leaves values behind. Above this number, adding them up costs too much.
const SUMMED_AT_MOST = 512;
const SILENT_FOR = 86_400_000;

/** Reads the counters at `keys`; nothing if there are too many: then some that are a day old are removed. */
export async function loadOtherCounters(
  options: OthersOptions,
  keys: readonly string[],
): Promise<StoredCounters[]> {
  if (keys.length <= SUMMED_AT_MOST) return [...(await readCounters(options, keys)).values()];
  await removeSilent(options, someOf(keys, options.random));
  return [];
}

async function removeSilent(options: OthersOptions, keys: readonly string[]): Promise<void> {
  const silentSince = options.clock.now() - SILENT_FOR;
  for (const [key, { writtenAt }] of await readCounters(options, keys)) {
    if (writtenAt < silentSince) await options.storage.removeItem(key);
  }
}

async function readCounters(
  { storage, readSemaphore }: OthersOptions,
  keys: readonly string[],
): Promise<Map<string, StoredCounters>> {
  const found = new Map<string, StoredCounters>();
  await readEach(storage, readSemaphore, keys, (key, value) => {
    const read = readStored({ name: "counters", fromStored: countersFromStored }, value);
    if (read.kind === "record") found.set(key, read.record);
  });
  return found;
}

// From a random position, so that each call looks at other keys.
function someOf(keys: readonly string[], random: Random): string[] {
  const first = Math.floor(random() * keys.length);
  return [...keys.slice(first), ...keys.slice(0, first)].slice(0, SUMMED_AT_MOST);
}
