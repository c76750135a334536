/** Limits the number of concurrent store calls: a burst must not use up file handles or connections. */

export interface Semaphore {
  /** Runs `job` in this turn where a slot is free, otherwise in order as soon as one is. */
  run<T>(job: () => Promise<T>): Promise<T>;
}

export function createSemaphore(limit: number): Semaphore {
  const waiting: (() => void)[] = [];
  let running = 0;

  async function run<T>(job: () => Promise<T>): Promise<T> {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await job();
    } finally {
      // The slot is passed on directly, so that no later job takes it.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  }

  return { run };
}
