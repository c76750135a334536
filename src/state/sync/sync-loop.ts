/** Announces the changes of this instance in batches and receives those of others, with a few calls per second (M1). */
import type { CancelTimer, Clock } from "../../contract/clock.ts";
import { isFields } from "../../shared/json.ts";
import type { Journal } from "../drivers/driver.ts";
import { isName } from "../records/record-kinds.ts";
import type { StoredValue } from "../store/storage.ts";
import { RECORD_TIME, StoreTimeout, within } from "../store/time-limit.ts";
import type { Faults } from "../store/store-faults.ts";

/** A record as it is stored, and its key. */
export interface Change {
  key: string;
  value: unknown;
}

export interface Sync {
  /** Sets the journal's starting point: a load after this, and the changes received later, are complete together. Never rejects. */
  begin(): Promise<void>;
  /** Exchanges changes until `stop`. */
  start(): void;
  /** Announces a record that is in the store now. */
  announce(key: string, value: StoredValue): void;
  /** Resolves when everything announced is on its way, or has failed once more. */
  flush(): Promise<void>;
  stop(): void;
  /** When the changes of others were last read, epoch ms. */
  seenAt(): number | undefined;
}

export interface SyncOptions {
  journal: Journal;
  /** ms between two exchanges, instead of the journal's own. */
  interval: number | undefined;
  clock: Clock;
  /** Measures the time limits of calls to the store. */
  limits: Pick<Clock, "after">;
  faults: Faults;
  /** Unique name of this instance: its own changes are skipped. */
  instance: string;
  /** Applies changes written by other instances. */
  receive(changes: Change[]): Promise<void>;
  /** True when the store has lost records. Reads its identity when that is due, or now. Rejects when it cannot be read. */
  mustRefill(changes: readonly Change[], now: boolean): Promise<boolean>;
  /** Reads everything again, because changes were missed, and writes back what is missing. Rejects when it cannot. */
  reload(): Promise<void>;
  /** True while the store keeps nothing that is written: it is asked rarely. */
  isForgetful(): boolean;
  /** Called when the store can be reached again. */
  onRecovered(): void;
}

/** Below the smallest limit of a driver for one value, in bytes; the text is escaped once more when it is stored. */
const BATCH_BYTES = 16_000;
const SMALLEST_BATCH = 500;
/** Limit of an exchange, ms: it may carry 200 batches. */
const EXCHANGE_TIME = 5_000;
/** Short: instances that wait for records known here wait no longer than `GRACE`. */
const LONGEST_DELAY = 1_000;

/** Time between two exchanges over a store that keeps nothing, ms. */
const FORGETFUL_DELAY = 60_000;

export function createSync(options: SyncOptions): Sync {
  return new SyncLoop(options);
}

class SyncLoop implements Sync {
  readonly #options: SyncOptions;
  readonly #interval: number;
  readonly #pending = new Map<string, StoredValue>();
  #state: "new" | "running" | "stopped" = "new";
  #hasBegun = false;
  #mustReload = false;
  #isWoken = false;
  #failures = 0;
  /** Halved when the driver refuses a batch: it may take less than others. */
  #batchBytes = BATCH_BYTES;
  #seenAt: number | undefined;
  #turning: Promise<void> | undefined;
  #cancelTimer: CancelTimer | undefined;
  #endNews: (() => void) | undefined;

  constructor(options: SyncOptions) {
    const { journal, interval } = options;
    this.#options = options;
    this.#interval = journal.interval === 0 ? 0 : (interval ?? journal.interval);
  }

  async begin(): Promise<void> {
    if (this.#hasBegun) return;
    const { journal, clock, limits, faults } = this.#options;
    try {
      await within(journal.begin(), RECORD_TIME, limits);
      this.#hasBegun = true;
      // The load that follows is no older than this.
      this.#seenAt = clock.now();
    } catch (error) {
      faults.report("sync", undefined, error);
    }
  }

  start(): void {
    if (this.#state !== "new") return;
    this.#state = "running";
    this.#endNews = this.#options.journal.onNews?.(() => this.#wake());
    if (this.#interval === 0) void this.#run();
    else this.#schedule();
  }

  announce(key: string, value: StoredValue): void {
    if (this.#state === "stopped") return;
    this.#pending.set(key, value);
    if (this.#interval === 0 && this.#state === "running" && !this.#turning) void this.#run();
  }

  async flush(): Promise<void> {
    if (this.#state !== "running") return;
    await this.#turning;
    if (this.#pending.size > 0) await this.#run();
  }

  stop(): void {
    this.#state = "stopped";
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#endNews?.();
    this.#options.journal.stop?.();
  }

  seenAt(): number | undefined {
    return this.#seenAt;
  }

  #run(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#turning ??= this.#turn().finally(() => {
      this.#turning = undefined;
      this.#schedule();
    });
    return this.#turning;
  }

  /** Exchanges until nothing is left to send or to receive. */
  async #turn(): Promise<void> {
    const { clock, faults, onRecovered } = this.#options;
    try {
      for (let hasMore = true; hasMore;) hasMore = await this.#exchange();
      this.#seenAt = clock.now();
      faults.clear("sync");
      if (this.#failures > 0) onRecovered();
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      if (!(error instanceof StoreTimeout) && this.#pending.size > 1)
        this.#batchBytes = Math.max(SMALLEST_BATCH, this.#batchBytes / 2);
      faults.report("sync", undefined, error);
    }
  }

  async #exchange(): Promise<boolean> {
    const { journal, limits, instance, mustRefill, reload, receive } = this.#options;
    this.#isWoken = false;
    if (!this.#hasBegun) {
      await within(journal.begin(), RECORD_TIME, limits);
      this.#hasBegun = true;
      this.#mustReload = true;
    }
    const { batch, isCut } = nextBatch(this.#pending, this.#batchBytes);
    const text = batch.length > 0 ? JSON.stringify({ by: instance, changes: batch }) : undefined;
    // If the call is given up, its answer may come later, and its changes are not applied.
    const exchanging = within(journal.exchange(text), EXCHANGE_TIME, limits, () => {
      this.#mustReload = true;
    });
    const { texts, hasMissed, hasMore, isDoubtful = false } = await exchanging;
    for (const { key, value } of batch)
      if (this.#pending.get(key) === value) this.#pending.delete(key);
    const changes = texts.flatMap((one) => toChanges(one, instance));
    const isBehind = this.#mustReload || hasMissed;
    // The journal returns each change once: if applying one fails, everything is read again.
    this.#mustReload = isBehind || changes.length > 0;
    const isEmptied = await mustRefill(changes, isBehind || isDoubtful || this.#failures > 0);
    if (isBehind || isEmptied) await reload();
    if (changes.length > 0) await receive(changes);
    this.#mustReload = false;
    return hasMore || isCut || this.#isWoken || (this.#interval === 0 && this.#pending.size > 0);
  }

  #schedule(): void {
    if (this.#state !== "running" || this.#cancelTimer) return;
    // A journal that reports news needs a timer only after a failure.
    if (this.#interval === 0 && this.#failures === 0) return;
    const backoff = Math.max(this.#interval, 100) * 2 ** this.#failures;
    const delay = this.#failures === 0 ? this.#interval : backoff;
    const bounded = this.#options.isForgetful()
      ? FORGETFUL_DELAY
      : Math.min(delay, Math.max(LONGEST_DELAY, this.#interval));
    this.#cancelTimer = this.#options.clock.after(bounded, () => void this.#run());
  }

  #wake(): void {
    this.#isWoken = true;
    if (this.#state === "running") void this.#run();
  }
}

interface Batch {
  batch: { key: string; value: StoredValue }[];
  /** More changes are pending than fit. */
  isCut: boolean;
}

/** Takes changes of at most `limit` bytes, but at least one. */
function nextBatch(pending: ReadonlyMap<string, StoredValue>, limit: number): Batch {
  const batch: Batch["batch"] = [];
  let size = 0;
  for (const [key, value] of pending) {
    size += new TextEncoder().encode(JSON.stringify(JSON.stringify({ key, value }))).length;
    if (batch.length > 0 && size > limit) return { batch, isCut: true };
    batch.push({ key, value });
  }
  return { batch, isCut: false };
}

// A text that cannot be parsed was written by another version, or is torn: the store itself has the whole record.
function toChanges(text: string, instance: string): Change[] {
  try {
    const batch: unknown = JSON.parse(text);
    if (!isFields(batch) || batch["by"] === instance || !Array.isArray(batch["changes"])) return [];
    return batch["changes"].filter(
      (one): one is Change => isFields(one) && isName(one["key"]) && "value" in one,
    );
  } catch {
    return [];
  }
}
