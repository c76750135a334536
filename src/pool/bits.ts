// A set of small numbers that finds "the next member from here on" without a scan: a tree of 32-way bit words.

/** Holds numbers below `size`. `next` costs one step per level: 1 for 32, 2 for 1,024, 4 for 1,048,576. */
export class Bits {
  readonly size: number;
  /** From the leaves up: bit b of word w says that word 32 w + b one level below is not empty. */
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

  has(at: number): boolean {
    return (this.#levels[0]![at >>> 5]! & (1 << (at & 31))) !== 0;
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
      // Nothing more in this word: the next one, as seen from the level above.
      at = index + 1;
    }
    return -1;
  }

  #descend(level: number, at: number): number {
    while (level-- > 0) at = (at << 5) | lowest(this.#levels[level]![at]!);
    return at;
  }

  copy(): Bits {
    const other = new Bits(this.size);
    this.#levels.forEach((words, level) => other.#levels[level]!.set(words));
    return other;
  }
}

function lowest(word: number): number {
  return 31 - Math.clz32(word & -word);
}
