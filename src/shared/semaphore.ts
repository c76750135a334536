/** Bounds how many store calls run at once: a burst must not use up file handles or connections. */

export interface Semaphore {
  /** Runs `job` in this turn where there is room, otherwise in order as soon as there is. */
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
      // The place is handed on, so that nobody who comes later takes it.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  }

  return { run };
}
