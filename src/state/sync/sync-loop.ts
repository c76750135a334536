/** What one instance changes is in force on the others soon: announced in batches, heard by a few calls a second (M1). */
import type { CancelTimer, Clock } from "../../contract/clock.ts";
import type { Faults } from "../store/store-faults.ts";
import type { Journal } from "../drivers/choose-journal.ts";
import { isFields, isName } from "../records/record-kinds.ts";
import type { StoredValue } from "../store/storage.ts";

/** A record as it is stored, and where. */
export interface Change {
  key: string;
  value: unknown;
}

export interface Sync {
  /** Begins to listen; what is loaded after this is complete with what is heard. Never rejects. */
  begin(): Promise<void>;
  /** Goes on listening until `stop`. */
  start(): void;
  /** Tells the others of what stands in the store now. */
  announce(key: string, value: StoredValue): void;
  /** Resolves when everything announced is on its way, or has failed once more. */
  flush(): Promise<void>;
  stop(): void;
  /** When the others were last heard, epoch ms. */
  seenAt(): number | undefined;
}

export interface SyncOptions {
  journal: Journal;
  /** ms between two exchanges, in place of the journal's own. */
  interval: number | undefined;
  clock: Clock;
  faults: Faults;
  /** Name of this instance: what it has announced itself is passed over. */
  instance: string;
  /** Takes in what others have changed. */
  take(changes: Change[]): Promise<void>;
  /** Tells whether the store has lost what it held; looks when it is time to, or now. Rejects when it cannot. */
  hasLost(changes: readonly Change[], now: boolean): Promise<boolean>;
  /** Reads everything anew, because something was missed, and writes back what is missing. Rejects when it cannot. */
  reload(): Promise<void>;
  /** Hears that the store can be reached again. */
  onBack(): void;
}

/** Below what the smallest of stores takes for one value, with room for others beside it. */
const BATCH_SIZE = 20_000;
/** Short: those who wait for what we know wait no longer than `GRACE`. */
const LONGEST_DELAY = 1_000;

export function createSync(options: SyncOptions): Sync {
  const { journal, clock, faults, instance } = options;
  const interval = journal.interval === 0 ? 0 : (options.interval ?? journal.interval);
  const pending = new Map<string, StoredValue>();
  let state: "new" | "running" | "stopped" = "new";
  let hasBegun = false;
  let mustReload = false;
  let isWoken = false;
  let failures = 0;
  let seenAt: number | undefined;
  let turning: Promise<void> | undefined;
  let cancel: CancelTimer | undefined;
  let endNews: (() => void) | undefined;

  async function begin(): Promise<void> {
    if (hasBegun) return;
    try {
      await journal.begin();
      hasBegun = true;
      // What is loaded next is no older than this.
      seenAt = clock.now();
    } catch (error) {
      faults.report("sync", undefined, error);
    }
  }

  /** One exchange after the other until there is nothing left to say or hear. */
  async function turn(): Promise<void> {
    try {
      for (let hasMore = true; hasMore;) hasMore = await exchange();
      seenAt = clock.now();
      faults.clear("sync");
      if (failures > 0) options.onBack();
      failures = 0;
    } catch (error) {
      failures += 1;
      faults.report("sync", undefined, error);
    }
  }

  async function exchange(): Promise<boolean> {
    isWoken = false;
    if (!hasBegun) {
      await journal.begin();
      hasBegun = true;
      mustReload = true;
    }
    const { batch, isCut } = nextBatch(pending);
    const text = batch.length > 0 ? JSON.stringify({ by: instance, changes: batch }) : undefined;
    const { texts, hasMissed, hasMore, isDoubtful = false } = await journal.exchange(text);
    for (const { key, value } of batch) if (pending.get(key) === value) pending.delete(key);
    const changes = texts.flatMap((one) => read(one, instance));
    const isBehind = mustReload || hasMissed;
    // What is not taken in is not heard again.
    mustReload = isBehind || changes.length > 0;
    const hasLost = await options.hasLost(changes, isBehind || isDoubtful || failures > 0);
    if (isBehind || hasLost) await options.reload();
    if (changes.length > 0) await options.take(changes);
    mustReload = false;
    return hasMore || isCut || isWoken || (interval === 0 && pending.size > 0);
  }

  function run(): Promise<void> {
    cancel?.();
    cancel = undefined;
    turning ??= turn().finally(() => {
      turning = undefined;
      schedule();
    });
    return turning;
  }

  function schedule(): void {
    if (state !== "running" || cancel) return;
    // Without a timer of its own a journal needs one only where something has failed.
    if (interval === 0 && failures === 0) return;
    const delay = failures === 0 ? interval : Math.max(interval, 100) * 2 ** failures;
    cancel = clock.after(Math.min(delay, Math.max(LONGEST_DELAY, interval)), () => void run());
  }

  function wake(): void {
    isWoken = true;
    if (state === "running") void run();
  }

  return {
    begin,
    start() {
      if (state !== "new") return;
      state = "running";
      endNews = journal.onNews?.(wake);
      if (interval === 0) void run();
      else schedule();
    },
    announce(key, value) {
      if (state === "stopped") return;
      pending.set(key, value);
      if (interval === 0 && state === "running" && !turning) void run();
    },
    async flush() {
      if (state !== "running") return;
      await turning;
      if (pending.size > 0) await run();
    },
    stop() {
      state = "stopped";
      cancel?.();
      cancel = undefined;
      endNews?.();
    },
    seenAt: () => seenAt,
  };
}

interface Batch {
  batch: { key: string; value: StoredValue }[];
  /** There is more than fits. */
  isCut: boolean;
}

function nextBatch(pending: ReadonlyMap<string, StoredValue>): Batch {
  const batch: Batch["batch"] = [];
  let size = 0;
  for (const [key, value] of pending) {
    size += key.length + JSON.stringify(value).length;
    if (batch.length > 0 && size > BATCH_SIZE) return { batch, isCut: true };
    batch.push({ key, value });
  }
  return { batch, isCut: false };
}

// What cannot be understood was written by another version, or is torn: the store itself has it whole.
function read(text: string, instance: string): Change[] {
  try {
    const told: unknown = JSON.parse(text);
    if (!isFields(told) || told["by"] === instance || !Array.isArray(told["changes"])) return [];
    return told["changes"].filter(
      (one): one is Change => isFields(one) && isName(one["key"]) && "value" in one,
    );
  } catch {
    return [];
  }
}
