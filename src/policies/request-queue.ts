// Requests that wait for a credential: a queue for each upstream, bounded in number; each is woken when a check can succeed.
import { RelayError } from "../shared/errors.ts";

/** A request's place in the queue. The request keeps it until it has a credential, or has ended. */
export interface QueueEntry {
  /** Sets the function that wakes the request, which sleeps from now on. */
  park(wakeUp: () => void): void;
  /** Leaves the queue. If the request was awake, the next one is woken in its place. May be called again. */
  leave(): void;
}

interface Waiting {
  canGo: () => boolean;
  /** Ends the request's sleep; `undefined` while it is awake. */
  wakeUp: (() => void) | undefined;
}

export class RequestQueue {
  readonly #limit: number;
  readonly #queues = new Map<string, Set<Waiting>>();
  #size = 0;

  /** `limit`: number of requests that may wait at a time, for all upstreams together. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Number of requests that wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * Enters the end of an upstream's queue. `canGo` tells, without taking anything, whether a credential is available for this
   * request now. Throws `ERR_RELAY_QUEUE_FULL`.
   */
  enter(upstream: string, canGo: () => boolean): QueueEntry {
    const limit = this.#limit;
    if (this.#size >= limit) throw new RelayError("ERR_RELAY_QUEUE_FULL", { limit });
    const queue = this.#queueOf(upstream);
    const one: Waiting = { canGo, wakeUp: undefined };
    queue.add(one);
    this.#size++;
    return {
      park: (wakeUp) => void (one.wakeUp = wakeUp),
      leave: () => {
        if (!queue.delete(one)) return;
        this.#size--;
        this.wakeOne(upstream);
      },
    };
  }

  /** A slot of this upstream is free: wakes the first request in the queue that can use it. */
  wakeOne(upstream: string): void {
    const queue = this.#queues.get(upstream);
    if (!queue) return;
    for (const one of queue) if (one.wakeUp && one.canGo()) return wake(one);
  }

  /** A key has closed or opened: wakes all requests in the queue, in order. */
  wakeAll(upstream: string): void {
    // Requests wake in a later turn: none enters or leaves during this loop.
    for (const one of this.#queues.get(upstream) ?? []) wake(one);
  }

  /** Wakes the first `count` requests in the queue that can go now; all if there are fewer, and if `count` is not limited. */
  wakeSome(upstream: string, count: number = Infinity): void {
    if (count === Infinity) return this.wakeAll(upstream);
    let places = count;
    for (const one of this.#queues.get(upstream) ?? []) {
      if (!one.wakeUp || !one.canGo()) continue;
      wake(one);
      if (--places === 0) return;
    }
    // One that has failed on the credential does not choose it before it is awake.
    this.wakeAll(upstream);
  }

  #queueOf(upstream: string): Set<Waiting> {
    const queue = this.#queues.get(upstream) ?? new Set<Waiting>();
    this.#queues.set(upstream, queue);
    return queue;
  }
}

function wake(one: Waiting): void {
  const { wakeUp } = one;
  one.wakeUp = undefined;
  wakeUp?.();
}
