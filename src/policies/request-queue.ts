// Requests that wait for a credential: in line, bounded in number, each woken when it is worth its while to look again.
import { RelayError } from "../shared/errors.ts";

export interface RequestQueue {
  /**
   * Takes a place at the end of an upstream's line. `canGo` tells, without taking anything, whether this request
   * could go now. Throws `ERR_RELAY_QUEUE_FULL`.
   */
  enter(upstream: string, canGo: () => boolean): QueueEntry;
  /** A slot of this upstream is free again: the first in line who can use it looks. */
  wakeOne(upstream: string): void;
  /** Something has closed or opened: all in line look, in order. */
  wakeAll(upstream: string): void;
  /** How many are waiting. */
  readonly size: number;
}

/** A request's place in line. It keeps it however often it looks in vain. */
export interface QueueEntry {
  /** Says how the request that sleeps from now on is woken. */
  park(wakeUp: () => void): void;
  /** Gives the place up. Where the request was awake, its chance goes to the next. May be called again. */
  leave(): void;
}

interface Waiting {
  canGo: () => boolean;
  /** Ends its sleep; `undefined` while it is awake. */
  wakeUp: (() => void) | undefined;
}

export function createRequestQueue(limit: number): RequestQueue {
  const lines = new Map<string, Set<Waiting>>();
  let size = 0;

  function lineOf(upstream: string): Set<Waiting> {
    const line = lines.get(upstream) ?? new Set<Waiting>();
    lines.set(upstream, line);
    return line;
  }

  function wake(one: Waiting): void {
    const { wakeUp } = one;
    one.wakeUp = undefined;
    wakeUp?.();
  }

  function wakeOne(upstream: string): void {
    const line = lines.get(upstream);
    if (!line) return;
    for (const one of line) if (one.wakeUp && one.canGo()) return wake(one);
  }

  return {
    get size() {
      return size;
    },
    enter(upstream, canGo) {
      if (size >= limit) throw new RelayError("ERR_RELAY_QUEUE_FULL", { limit });
      const line = lineOf(upstream);
      const one: Waiting = { canGo, wakeUp: undefined };
      line.add(one);
      size++;
      return {
        park: (wakeUp) => void (one.wakeUp = wakeUp),
        leave() {
          if (!line.delete(one)) return;
          size--;
          wakeOne(upstream);
        },
      };
    },
    wakeOne,
    wakeAll(upstream) {
      // Each wakes its request in a later turn: nobody enters or leaves while the line is walked.
      for (const one of lines.get(upstream) ?? []) wake(one);
    },
  };
}
