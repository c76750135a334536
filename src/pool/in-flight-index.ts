// Members by number of requests in flight: one set per number, fewest first.
import { BitSet } from "../shared/bitset.ts";

/** Members with this number of requests or more count as equal. */
const MOST = 255;

export class InFlightIndex {
  readonly #size: number;
  readonly #sets: (BitSet | undefined)[] = [];
  readonly #counts: number[] = [];

  constructor(size: number) {
    this.#size = size;
    this.#sets[0] = BitSet.full(size);
    this.#counts[0] = size;
  }

  /** Moves a member from one number of requests to another. */
  move(member: number, from: number, to: number): void {
    const [old, next] = [Math.min(from, MOST), Math.min(to, MOST)];
    if (old === next) return;
    this.#sets[old]!.remove(member);
    this.#counts[old]!--;
    (this.#sets[next] ??= new BitSet(this.#size)).add(member);
    this.#counts[next] = (this.#counts[next] ?? 0) + 1;
  }

  /** The sets that have a member, fewest requests first. */
  *sets(): Iterable<BitSet> {
    for (let load = 0; load < this.#sets.length; load++)
      if (this.#counts[load]) yield this.#sets[load]!;
  }
}
