// A set of small numbers that finds the next member without a scan: a tree of 32-bit words.

/** Holds numbers below `size`. `next` costs one step per level: 1 for 32, 2 for 1,024, 4 for 1,048,576. */
export class BitSet {
  readonly size: number;
  /** From the leaves up: bit b of word w is set where word 32 w + b one level below is not empty. */
  readonly #levels: Uint32Array[];

  constructor(size: number) {
    this.size = size;
    this.#levels = [];
    let words = size;
    do {
      words = Math.max(1, Math.ceil(words / 32));
      this.#levels.push(new Uint32Array(words));
    } while (words > 1);
  }

  /** Creates a set of every number below `size`. */
  static full(size: number): BitSet {
    const bits = new BitSet(size);
    let left = size;
    for (const words of bits.#levels) {
      words.fill(-1);
      // The last word has only the remaining bits.
      const rest = left & 31;
      if (rest !== 0 || left === 0) words[words.length - 1] = (1 << rest) - 1;
      left = words.length;
    }
    return bits;
  }

  has(at: number): boolean {
    return (this.#levels[0]![at >>> 5]! & (1 << (at & 31))) !== 0;
  }

  /** The 32 numbers from 32 `index` on, one bit each. */
  word(index: number): number {
    return this.#levels[0]![index]!;
  }

  add(at: number): void {
    for (const words of this.#levels) {
      words[at >>> 5]! |= 1 << (at & 31);
      at >>>= 5;
    }
  }

  remove(at: number): void {
    for (const words of this.#levels) {
      const word = (words[at >>> 5]! &= ~(1 << (at & 31)));
      if (word !== 0) return;
      at >>>= 5;
    }
  }

  put(at: number, isMember: boolean): void {
    if (isMember) this.add(at);
    else this.remove(at);
  }

  /** Returns the first member ≥ `from`, or -1. */
  next(from: number): number {
    if (from >= this.size) return -1;
    let at = from;
    for (let level = 0; level < this.#levels.length; level++) {
      const words = this.#levels[level]!;
      const index = at >>> 5;
      if (index >= words.length) return -1;
      const rest = words[index]! & (-1 << (at & 31));
      if (rest !== 0) return this.#descend(level, (index << 5) | lowest(rest));
      // No further member in this word: continue with the next word, one level up.
      at = index + 1;
    }
    return -1;
  }

  #descend(level: number, at: number): number {
    while (level-- > 0) at = (at << 5) | lowest(this.#levels[level]![at]!);
    return at;
  }
}

/** Returns the first number ≥ `from` that is in each of the sets (at least one, all of one size), or -1. */
export function nextInAll(sets: readonly BitSet[], from: number): number {
  const { size } = sets[0]!;
  let at = from;
  while (at >= 0 && at < size) {
    const index = at >>> 5;
    let word = -1 << (at & 31);
    for (const set of sets) word &= set.word(index);
    if (word !== 0) return (index << 5) | lowest(word);
    at = leap(sets, (index + 1) << 5);
  }
  return -1;
}

// Each set skips its own gaps, so that only words in which all sets have a member are examined.
function leap(sets: readonly BitSet[], from: number): number {
  let at = from;
  for (const set of sets) {
    at = set.next(at);
    if (at < 0) return -1;
  }
  return at;
}

function lowest(word: number): number {
  return 31 - Math.clz32(word & -word);
}
