// Members closed by one level of cooldowns, each until its own time.
import { BitSet } from "../shared/bitset.ts";
import { MinHeap } from "../shared/min-heap.ts";

/** Up to this number of closed members they are skipped one by one; above it a set of the open members is worth its memory. */
const FEW = 64;

export class ClosedSet {
  readonly #size: number;
  readonly #untils = new MinHeap<number>();
  #open: BitSet | undefined;

  constructor(size: number) {
    this.#size = size;
  }

  /** The members that are not closed; `undefined` while only a few are closed. */
  get open(): BitSet | undefined {
    return this.#open;
  }

  get count(): number {
    return this.#untils.size;
  }

  has(member: number): boolean {
    return this.#untils.has(member);
  }

  /** Until when a member is closed (UTC epoch ms); 0 where it is open. */
  until(member: number): number {
    return this.#untils.timeOf(member);
  }

  /** Closes a member until `until` (UTC epoch ms); 0 opens it. */
  set(member: number, until: number): void {
    if (until === 0) return this.#reopen(member);
    this.#untils.set(member, until);
    this.#open?.remove(member);
    if (!this.#open && this.count > FEW) this.#open = this.#complement();
  }

  /** Opens the members whose time has passed; `onOpen` is called for each. */
  wake(now: number, onOpen?: (member: number) => void): void {
    while (this.#untils.earliest <= now) {
      const member = this.#untils.pop();
      this.#reopen(member);
      onOpen?.(member);
    }
  }

  /** Finds the smallest value of `valueOf` over closed members that is below `best`; see `MinHeap.least`. */
  least(valueOf: (member: number, until: number) => number, best: number): number {
    return this.#untils.least(valueOf, best);
  }

  #reopen(member: number): void {
    this.#untils.delete(member);
    this.#open?.add(member);
    // Half of the number that created the set, so that it is not created and dropped with every member.
    if (this.count < FEW / 2) this.#open = undefined;
  }

  #complement(): BitSet {
    const open = BitSet.full(this.#size);
    for (const member of this.#untils.members()) open.remove(member);
    return open;
  }
}
