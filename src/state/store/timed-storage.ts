/** A storage whose every call has a time limit (K19). */
import type { Clock } from "../../contract/clock.ts";
import type { StateStorage, StoredValue } from "./storage.ts";
import { LISTING_TIME, RECORD_TIME, StoreTimeout, within } from "./time-limit.ts";

/** While this many calls are overdue, the driver is called only now and then. */
const OVERDUE_AT_MOST = 64;
/** Time between two calls to a driver that has stopped answering, ms. */
const ASK_EVERY = 30_000;

export interface TimedStorages {
  /** For single records. */
  storage: StateStorage;
  /** For loads: reads many values, and may take longer. */
  patient: StateStorage;
}

/** `onLate` is called with the key of a write that was given up and has happened all the same. */
export function createTimedStorages(
  storage: StateStorage,
  clock: Pick<Clock, "now" | "after">,
  onLate: (key: string) => void,
): TimedStorages {
  const calls = new TimedCalls(clock);
  return {
    storage: timed(storage, calls, RECORD_TIME, onLate),
    patient: timed(storage, calls, LISTING_TIME, onLate),
  };
}

/** Bounds the calls that a driver leaves unanswered for ever: each holds memory. */
class TimedCalls {
  readonly #clock: Pick<Clock, "now" | "after">;
  /** The calls that were given up since the last answer. */
  readonly #overdue = new Set<Promise<unknown>>();
  #askedAt = 0;

  constructor(clock: Pick<Clock, "now" | "after">) {
    this.#clock = clock;
  }

  async run<T>(call: () => Promise<T>, limit: number, onLate?: () => void): Promise<T> {
    const now = this.#clock.now();
    if (this.#overdue.size >= OVERDUE_AT_MOST && now - this.#askedAt < ASK_EVERY)
      throw new StoreTimeout(limit);
    this.#askedAt = now;
    const work = call();
    try {
      const answer = await within(work, limit, this.#clock, onLate);
      if (this.#overdue.size > 0) this.#overdue.clear();
      return answer;
    } catch (error) {
      if (error instanceof StoreTimeout) this.#follow(work);
      throw error;
    }
  }

  #follow(work: Promise<unknown>): void {
    this.#overdue.add(work);
    const settle = (): void => void this.#overdue.delete(work);
    work.then(settle, settle);
  }
}

function timed(
  inner: StateStorage,
  calls: TimedCalls,
  limit: number,
  onLate: (key: string) => void,
): StateStorage {
  const { getItemRaw, setItemRaw } = inner;
  return {
    getKeys: (base) => calls.run(async () => inner.getKeys(base), LISTING_TIME),
    getItem: (key) => calls.run(async () => inner.getItem(key), limit),
    getItems: (keys) => calls.run(async () => inner.getItems(keys), limit),
    setItem(key, value: StoredValue) {
      const write = async (): Promise<void> => inner.setItem(key, value);
      return calls.run(write, limit, () => onLate(key));
    },
    removeItem: (key) => calls.run(async () => inner.removeItem(key), limit),
    ...(getItemRaw && {
      getItemRaw: (key: string) => calls.run(async () => getItemRaw.call(inner, key), limit),
    }),
    ...(setItemRaw && {
      setItemRaw: (key: string, value: unknown) =>
        calls.run(async () => setItemRaw.call(inner, key, value), limit),
    }),
  };
}
