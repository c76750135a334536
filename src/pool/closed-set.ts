// Members that one level of cooldowns keeps closed, each until its own time.
import { BitSet } from "../shared/bitset.ts";
import { MinHeap } from "../shared/min-heap.ts";

/** Up to so many closed members are skipped one by one; for more a set of the open ones is worth its memory. */
const FEW = 64;

export class ClosedSet {
  readonly #size: number;
  readonly #untils = new MinHeap<number>();
  #open: BitSet | undefined;

  constructor(size: number) {
    this.#size = size;
  }

  /** The members that are not closed; `undefined` while only a few are. */
  get open(): BitSet | undefined {
    return this.#open;
  }

  get count(): number {
    return this.#untils.size;
  }

  has(member: number): boolean {
    return this.#untils.has(member);
  }

  /** Until when a member is closed; 0 where it is open. */
  until(member: number): number {
    return this.#untils.timeOf(member);
  }

  /** Closes a member until `until`; 0 opens it. */
  set(member: number, until: number): void {
    if (until === 0) return this.#reopen(member);
    this.#untils.set(member, until);
    this.#open?.remove(member);
    if (!this.#open && this.count > FEW) this.#open = this.#complement();
  }

  /** Opens those whose time has come, telling of each. */
  wake(now: number, onOpen?: (member: number) => void): void {
    while (this.#untils.earliest <= now) {
      const member = this.#untils.pop();
      this.#reopen(member);
      onOpen?.(member);
    }
  }

  /** Finds the smallest of `valueOf` over closed members, where it is below `best`; see `Deadlines.least`. */
  least(valueOf: (member: number, until: number) => number, best: number): number {
    return this.#untils.least(valueOf, best);
  }

  #reopen(member: number): void {
    this.#untils.delete(member);
    this.#open?.add(member);
    // Half of what made the set worthwhile: it is not to come and go with each member.
    if (this.count < FEW / 2) this.#open = undefined;
  }

  #complement(): BitSet {
    const open = BitSet.full(this.#size);
    for (const member of this.#untils.members()) open.remove(member);
    return open;
  }
}
