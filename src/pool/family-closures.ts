// The members closed for one quota pool and family: only families with a closed member have an entry.
import { ClosedSet } from "./closed-set.ts";
import { MinHeap } from "../shared/min-heap.ts";
import type { RoundRobin } from "./round-robin.ts";

export interface Family {
  pool: string;
  name: string;
  closed: ClosedSet;
  /** Rotations by signature, separate from the shared ones because the closed members change the order. */
  rotations: Map<string, RoundRobin>;
}

export class FamilyClosures {
  readonly #size: number;
  readonly #pools = new Map<string, Map<string, Family>>();
  /** When the last member of a family may open. Model names come from clients, so families without a closed member are dropped. */
  readonly #ends = new MinHeap<Family>();

  constructor(size: number) {
    this.#size = size;
  }

  get size(): number {
    let size = 0;
    for (const families of this.#pools.values()) size += families.size;
    return size;
  }

  /** Returns a family after opening the members whose time has passed; `undefined` where nothing is closed. */
  get(pool: string, name: string, now: number): Family | undefined {
    const family = this.#pools.get(pool)?.get(name);
    family?.closed.wake(now);
    return family;
  }

  /** Until when a member is closed (UTC epoch ms); 0 where it is open. */
  until(pool: string, name: string, member: number): number {
    return this.#pools.get(pool)?.get(name)?.closed.until(member) ?? 0;
  }

  /** Closes a member until `until` (UTC epoch ms); 0 opens it. */
  set(pool: string, name: string, member: number, until: number, now: number): void {
    this.prune(now, 2);
    const known = this.get(pool, name, now);
    if (!known && until === 0) return;
    const family = known ?? this.#add(pool, name);
    family.closed.set(member, until);
    this.#ends.set(family, Math.max(this.#ends.timeOf(family), until));
  }

  /** Drops up to `most` families in which nothing is closed any more. */
  prune(now: number, most: number): void {
    for (let count = 0; count < most && this.#ends.earliest <= now; count++) {
      const { pool, name } = this.#ends.pop();
      const families = this.#pools.get(pool)!;
      families.delete(name);
      if (families.size === 0) this.#pools.delete(pool);
    }
  }

  #add(pool: string, name: string): Family {
    let families = this.#pools.get(pool);
    if (!families) this.#pools.set(pool, (families = new Map()));
    const family = { pool, name, closed: new ClosedSet(this.#size), rotations: new Map() };
    families.set(name, family);
    return family;
  }
}
