// Requests that wait for a credential. Bounded in number; woken one for each slot that comes free.
import { RelayError } from "./errors.ts";

export interface WaitingRoom {
  /** Counts a request in and calls `onFree` when a slot of the upstream comes free. Throws `ERR_RELAY_QUEUE_FULL`. */
  enter(upstream: string, onFree: () => void): { leave: () => void };
  /** A slot of this upstream is free again: the longest waiting request may look. */
  wakeOne(upstream: string): void;
  readonly size: number;
}

export function createWaitingRoom(limit: number): WaitingRoom {
  const waiting = new Map<string, Set<() => void>>();
  let size = 0;

  return {
    get size() {
      return size;
    },
    enter(upstream, onFree) {
      if (size >= limit) throw new RelayError("ERR_RELAY_QUEUE_FULL", { limit });
      let queue = waiting.get(upstream);
      if (!queue) waiting.set(upstream, (queue = new Set()));
      queue.add(onFree);
      size++;
      let isIn = true;
      return {
        leave() {
          if (!isIn) return;
          isIn = false;
          size--;
          queue.delete(onFree);
        },
      };
    },
    wakeOne(upstream) {
      const queue = waiting.get(upstream);
      const first = queue?.values().next().value;
      if (!first) return;
      queue!.delete(first);
      first();
    },
  };
}
