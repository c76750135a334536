/** Carries the counters to the store, one value a second at most, and fetches those of other instances. */
import type { CancelTimer, Clock, Random } from "../../contract/clock.ts";
import { countersFromStored } from "./usage-counters.ts";
import type { Counters, Shard, StoredCounters } from "./usage-counters.ts";
import type { Faults } from "../store/store-faults.ts";
import type { Semaphore } from "../../shared/semaphore.ts";
import { readEach } from "../records/list-records.ts";
import { readStored } from "../records/record-kinds.ts";
import type { StateStorage } from "../store/storage.ts";

export interface CountersWriter {
  /** Sees to it that what changed is written within a second. */
  wake(): void;
  /** Writes everything that changed; resolves when it is written, or has failed once more. */
  flush(): Promise<void>;
  hasFailed(): boolean;
  stop(): void;
}

export interface CountersWriterOptions {
  storage: StateStorage;
  /** Storage key of a shard, without its number. */
  prefix: string;
  counters: Counters;
  clock: Clock;
  faults: Faults;
  onRecovered(): void;
}

const INTERVAL = 1000;
const LONGEST_DELAY = 60_000;

export function createCountersWriter(options: CountersWriterOptions): CountersWriter {
  const { storage, prefix, counters, clock, faults } = options;
  let cancel: CancelTimer | undefined;
  let writing: Promise<void> | undefined;
  let delay = INTERVAL;
  let failed = false;
  let stopped = false;

  function wake(): void {
    if (stopped || cancel || writing) return;
    cancel = clock.after(delay, () => {
      cancel = undefined;
      if (!writing) void writeNext();
    });
  }

  function writeNext(): Promise<void> {
    const shard = counters.takeChanged();
    if (!shard) return Promise.resolve();
    writing = write(shard).finally(() => {
      writing = undefined;
      if (counters.changed() > 0) wake();
    });
    return writing;
  }

  async function write(shard: Shard): Promise<void> {
    const key = `${prefix}${shard.index}`;
    try {
      await storage.setItem(key, counters.toStored(shard));
      delay = INTERVAL;
      failed = false;
      options.onRecovered();
    } catch (error) {
      counters.putBack(shard);
      failed = true;
      delay = Math.min(delay * 2, LONGEST_DELAY);
      faults.report("write", key, error);
    }
  }

  async function flush(): Promise<void> {
    await writing;
    // Counting goes on meanwhile: what changes from here on waits for its second.
    for (let left = counters.changed(); left > 0; left--) {
      await writeNext();
      if (failed) return;
    }
  }

  function stop(): void {
    stopped = true;
    cancel?.();
    cancel = undefined;
  }

  return { wake, flush, hasFailed: () => failed, stop };
}

export interface OthersOptions {
  storage: StateStorage;
  reading: Semaphore;
  clock: Clock;
  random: Random;
}

// Each start of an instance leaves values behind. Beyond so many they are too dear to be added up.
const SUMMED_AT_MOST = 512;
const SILENT_FOR = 86_400_000;

/** Reads the counters at `keys`, or nothing where there are too many: then some that are a day old are removed. */
export async function loadOthers(
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
  { storage, reading: gate }: OthersOptions,
  keys: readonly string[],
): Promise<Map<string, StoredCounters>> {
  const found = new Map<string, StoredCounters>();
  await readEach(storage, gate, keys, (key, value) => {
    const read = readStored({ name: "counters", fromStored: countersFromStored }, value);
    if (read.kind === "record") found.set(key, read.record);
  });
  return found;
}

// From anywhere in the list, so that not the same ones are looked at each time.
function someOf(keys: readonly string[], random: Random): string[] {
  const first = Math.floor(random() * keys.length);
  return [...keys.slice(first), ...keys.slice(0, first)].slice(0, SUMMED_AT_MOST);
}
