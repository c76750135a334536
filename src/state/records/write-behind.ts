/** Writes records behind the caller's back: one write a key at a time, and what fails is kept and tried again. */
import type { CancelTimer, Clock } from "../../contract/clock.ts";
import type { RecordCells, Written } from "./record-cell.ts";
import type { Faults } from "../store/store-faults.ts";
import type { Semaphore } from "../../shared/semaphore.ts";
import type { RecordKind } from "./record-kinds.ts";

export interface WriteBehind<R> {
  /** Starts writing `record` in this turn, or right after the write of the same key that is under way. */
  put(key: string, record: R): void;
  /** Removes the record at `key` where it is dead and nobody is about to write it. */
  removeDead(key: string, isDead: (record: R) => boolean): Promise<void>;
  /** Resolves when what is known so far is written, or has failed once more. */
  flush(): Promise<void>;
  /** How many records failed and wait to be tried again. */
  failed(): number;
  /** Takes back the timer; nothing is tried again from here on. */
  stop(): void;
}

export interface WriteBehindOptions<R> {
  kind: RecordKind<R>;
  cells: RecordCells<R>;
  gate: Semaphore;
  clock: Clock;
  faults: Faults;
  /** Hears of every record that stands in the store now, or one that won over it; `isNew` where it was written by this. */
  onStored(key: string, record: R, isNew: boolean): void;
  /** Hears that nothing of this writer is waiting to be tried again. */
  onRecovered(): void;
}

/** The life of one key while there is something to do for it. */
interface Lane<R> {
  /** What is still to be written, merged; `undefined` while the write under way is the latest. */
  wanted: R | undefined;
  /** Settles when the lane is empty or has failed; `undefined` while it waits to be tried again. */
  running: Promise<void> | undefined;
}

const FIRST_DELAY = 1000;
const LONGEST_DELAY = 60_000;

export function createWriteBehind<R>(options: WriteBehindOptions<R>): WriteBehind<R> {
  const { kind, cells, gate, clock, faults } = options;
  const lanes = new Map<string, Lane<R>>();
  const troubled = new Set<string>();
  let delay = FIRST_DELAY;
  let cancelRetry: CancelTimer | undefined;
  let stopped = false;

  function put(key: string, record: R): void {
    const lane = lanes.get(key) ?? { wanted: undefined, running: undefined };
    lanes.set(key, lane);
    lane.wanted = lane.wanted === undefined ? record : kind.merge(lane.wanted, record);
    lane.running ??= run(key, lane);
  }

  async function run(key: string, lane: Lane<R>): Promise<void> {
    while (lane.wanted !== undefined) {
      const record = lane.wanted;
      lane.wanted = undefined;
      const error = await failureOf(gate.run(() => write(key, record)));
      if (error === undefined) continue;
      lane.wanted = lane.wanted === undefined ? record : kind.merge(record, lane.wanted);
      lane.running = undefined;
      troubled.add(key);
      faults.report("write", key, error.cause);
      retryLater();
      return;
    }
    lanes.delete(key);
    troubled.delete(key);
    if (troubled.size === 0) recover();
  }

  async function write(key: string, record: R): Promise<Written> {
    const written = await cells.put(key, record);
    if (written !== "refused") options.onStored(key, record, written === "written");
    return written;
  }

  async function removeDead(key: string, isDead: (record: R) => boolean): Promise<void> {
    if (lanes.has(key)) return;
    const lane: Lane<R> = { wanted: undefined, running: undefined };
    lanes.set(key, lane);
    const removal = failureOf(gate.run(() => cells.removeDead(key, isDead)));
    // What was put meanwhile is written after the removal.
    lane.running = removal.then((error) => {
      if (error) faults.report("remove", key, error.cause);
      return run(key, lane);
    });
    await lane.running;
  }

  function retryLater(): void {
    if (cancelRetry || stopped) return;
    cancelRetry = clock.after(delay, () => {
      cancelRetry = undefined;
      retry();
    });
    delay = Math.min(delay * 2, LONGEST_DELAY);
  }

  function retry(): void {
    for (const [key, lane] of lanes) lane.running ??= run(key, lane);
  }

  function recover(): void {
    delay = FIRST_DELAY;
    cancelRetry?.();
    cancelRetry = undefined;
    options.onRecovered();
  }

  async function flush(): Promise<void> {
    retry();
    await Promise.all([...lanes.values()].map((lane) => lane.running));
  }

  function stop(): void {
    stopped = true;
    cancelRetry?.();
    cancelRetry = undefined;
  }

  return { put, removeDead, flush, failed: () => troubled.size, stop };
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
