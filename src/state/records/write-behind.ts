/** Writes records in the background: one write per key at a time, and failed writes are kept and retried. */
import type { CancelTimer, Clock } from "../../contract/clock.ts";
import type { RecordCells } from "./record-cell.ts";
import type { Faults } from "../store/store-faults.ts";
import type { Semaphore } from "../../shared/semaphore.ts";
import type { RecordKind } from "./record-kinds.ts";

export interface WriteBehind<R> {
  /** Begins to write `record` in this turn, or right after the write of the same key that is under way. */
  put(key: string, record: R): void;
  /** Removes the record at `key` if it is expired and no write of it is queued. */
  removeExpired(key: string, isExpired: (record: R) => boolean): Promise<void>;
  /** Resolves when every record put so far is written, or has failed once more. */
  flush(): Promise<void>;
  /** How many writes failed and wait for a retry. */
  failed(): number;
  /** How many keys have a write that has not succeeded. */
  unwritten(): number;
  /** Cancels the timer; nothing is retried from here on. */
  stop(): void;
}

export interface WriteBehindOptions<R> {
  kind: RecordKind<R>;
  cells: RecordCells<R>;
  semaphore: Semaphore;
  clock: Clock;
  faults: Faults;
  /** Called for every record put that is in the store now, or lost against the one there; `isNew` if this call has written it. */
  onStored(key: string, record: R, isNew: boolean): void;
  /** Called when no write waits for a retry any more. */
  onRecovered(): void;
}

/** The work on one key, while there is any. */
interface Lane<R> {
  /** The record still to be written, merged; `undefined` while the write under way is the latest. */
  wanted: R | undefined;
  /** Settles when the lane is empty or has failed; `undefined` while it waits for a retry. */
  running: Promise<void> | undefined;
}

const FIRST_DELAY = 1000;
const LONGEST_DELAY = 60_000;

export function createWriteBehind<R>(options: WriteBehindOptions<R>): WriteBehind<R> {
  return new LaneWriter(options);
}

class LaneWriter<R> implements WriteBehind<R> {
  readonly #options: WriteBehindOptions<R>;
  readonly #lanes = new Map<string, Lane<R>>();
  readonly #failed = new Set<string>();
  #delay = FIRST_DELAY;
  #cancelRetry: CancelTimer | undefined;
  #isStopped = false;

  constructor(options: WriteBehindOptions<R>) {
    this.#options = options;
  }

  put(key: string, record: R): void {
    const lane = this.#lanes.get(key) ?? { wanted: undefined, running: undefined };
    this.#lanes.set(key, lane);
    lane.wanted = this.#merged(lane.wanted, record);
    lane.running ??= this.#run(key, lane);
  }

  async removeExpired(key: string, isExpired: (record: R) => boolean): Promise<void> {
    const { cells, semaphore, faults } = this.#options;
    if (this.#lanes.has(key)) return;
    const lane: Lane<R> = { wanted: undefined, running: undefined };
    this.#lanes.set(key, lane);
    const removal = failureOf(semaphore.run(() => cells.removeExpired(key, isExpired)));
    // A record put meanwhile is written after the removal.
    lane.running = removal.then((error) => {
      if (error) faults.report("remove", key, error.cause);
      return this.#run(key, lane);
    });
    await lane.running;
  }

  async flush(): Promise<void> {
    this.#retry();
    await Promise.all([...this.#lanes.values()].map((lane) => lane.running));
  }

  failed(): number {
    return this.#failed.size;
  }

  unwritten(): number {
    return this.#lanes.size;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  async #run(key: string, lane: Lane<R>): Promise<void> {
    const { semaphore, faults } = this.#options;
    while (lane.wanted !== undefined) {
      const record = lane.wanted;
      lane.wanted = undefined;
      const error = await failureOf(semaphore.run(() => this.#write(key, record)));
      if (error === undefined) continue;
      lane.wanted = this.#merged(record, lane.wanted);
      lane.running = undefined;
      this.#failed.add(key);
      faults.report("write", key, error.cause);
      this.#retryLater();
      return;
    }
    this.#lanes.delete(key);
    this.#failed.delete(key);
    if (this.#failed.size === 0) this.#recover();
  }

  async #write(key: string, record: R): Promise<void> {
    const { cells, onStored } = this.#options;
    const written = await cells.put(key, record);
    if (written !== "refused") onStored(key, record, written === "written");
  }

  #merged(first: R | undefined, second: R | undefined): R | undefined {
    if (first === undefined || second === undefined) return first ?? second;
    return this.#options.kind.merge(first, second);
  }

  #retryLater(): void {
    if (this.#cancelRetry || this.#isStopped) return;
    this.#cancelRetry = this.#options.clock.after(this.#delay, () => {
      this.#cancelRetry = undefined;
      this.#retry();
    });
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY);
  }

  #retry(): void {
    for (const [key, lane] of this.#lanes) lane.running ??= this.#run(key, lane);
  }

  #recover(): void {
    this.#delay = FIRST_DELAY;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#options.onRecovered();
  }
}

interface Failure {
  cause: unknown;
}

function failureOf(work: Promise<unknown>): Promise<Failure | undefined> {
  return work.then(
    () => undefined,
    (cause: unknown) => ({ cause }),
  );
}
