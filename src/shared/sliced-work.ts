// Work that may take long, in slices: between two of them the event loop serves everything else.

/** A task in parts. `step` does one part, which takes well under 1 ms, and returns true when all is done. */
export interface SlicedWork {
  step(): boolean;
}

interface Waiting {
  work: SlicedWork;
  done: () => void;
}

/** Time of one slice, in ms. A host whose clock stands still while code runs (Workers) counts parts alone. */
const SLICE_TIME = 5;
const SLICE_PARTS = 16;

/** One slice in each turn of the event loop, for all tasks together; they take turns. */
class SlicedWorkQueue {
  readonly #waiting: Waiting[] = [];
  #hasRun = false;

  /** Runs a task. The first slice runs at once, unless another one has run in this turn. */
  run(work: SlicedWork): Promise<void> | undefined {
    if (!this.#hasRun) {
      this.#runInTurn();
      if (runSlice(work)) return undefined;
    }
    return new Promise((done) => void this.#waiting.push({ work, done }));
  }

  #runInTurn(): void {
    this.#hasRun = true;
    // In real time: it is not waited for a time, but for the next turn.
    setTimeout(() => this.#onTurn(), 0);
  }

  #onTurn(): void {
    this.#hasRun = false;
    const next = this.#waiting.shift();
    if (!next) return;
    this.#runInTurn();
    if (runSlice(next.work)) next.done();
    else this.#waiting.push(next);
  }
}

function runSlice(work: SlicedWork): boolean {
  const until = performance.now() + SLICE_TIME;
  for (let part = 0; part < SLICE_PARTS && performance.now() < until; part++)
    if (work.step()) return true;
  return false;
}

const queue = new SlicedWorkQueue();

/** Runs a task in slices; `undefined` where it was done at once. `step` must not throw. */
export function runSliced(work: SlicedWork): Promise<void> | undefined {
  return queue.run(work);
}
