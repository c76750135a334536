// How much of its quota each credential has left, for one pool × family or for everything, as far as somebody has said so.
import { BitSet } from "../shared/bitset.ts";
import { setBounded } from "../shared/bounded-map.ts";
import { ANY } from "../shared/patterns.ts";
import { MinHeap } from "../shared/min-heap.ts";

/** What is known of a quota. */
export interface QuotaReading {
  /** Share that is left, 0 to 1. */
  remaining: number;
  /** When it is full again, UTC epoch ms; `undefined` where nobody knows. */
  resetAt: number | undefined;
  /** When this was learnt, UTC epoch ms. */
  at: number;
}

/** What is older is not believed any more (A9). */
export const STALE = 300_000;
const LEVELS = 10;
/** Unknown counts as half. */
const UNKNOWN = 5;
/** Families come from outside: so many are remembered; the one that was added first goes. */
const FAMILIES = 256;

export class QuotaIndex {
  readonly #size: number;
  readonly #wide: Shelf;
  readonly #shelves = new Map<string, Shelf>();

  constructor(size: number) {
    this.#size = size;
    this.#wide = new Shelf(size);
  }

  /** Takes in what was learnt of a member, for one pool × family or, with `*`, for everything. */
  set(member: number, pool: string, family: string, reading: QuotaReading, now: number): void {
    if (endOf(reading) <= now) return;
    if (family !== ANY) return this.#shelfOf(pool, family).set(member, reading);
    this.#wide.set(member, reading);
    for (const shelf of this.#shelves.values()) shelf.fallBack(member, levelOf(reading));
  }

  /** What is known of a member now: of the family, else of everything. */
  get(member: number, pool: string, family: string, now: number): QuotaReading | undefined {
    this.#wake(now);
    const own = this.#shelves.get(nameOf(pool, family));
    if (own) this.#wakeOne(own, now);
    return own?.get(member) ?? this.#wide.get(member);
  }

  /** Members by what is left for a family: ten sets, most first. */
  levels(pool: string, family: string, now: number): readonly BitSet[] {
    this.#wake(now);
    const own = this.#shelves.get(nameOf(pool, family));
    if (own) this.#wakeOne(own, now);
    return (own ?? this.#wide).levels;
  }

  /** Makes the same for other numbers: `numberOf` says what becomes of each, -1 for who has left. */
  renumbered(size: number, numberOf: (member: number) => number, now: number): QuotaIndex {
    const copy = new QuotaIndex(size);
    this.#wake(now);
    for (const [member, reading] of this.#wide.readings)
      if (numberOf(member) >= 0) copy.set(numberOf(member), ANY, ANY, reading, now);
    for (const [name, shelf] of this.#shelves) {
      const [pool, family] = name.split("\n") as [string, string];
      for (const [member, reading] of shelf.readings)
        if (numberOf(member) >= 0) copy.set(numberOf(member), pool, family, reading, now);
    }
    return copy;
  }

  #shelfOf(pool: string, family: string): Shelf {
    const name = nameOf(pool, family);
    const known = this.#shelves.get(name);
    if (known) return known;
    const shelf = new Shelf(this.#size);
    for (const [member, reading] of this.#wide.readings) shelf.fallBack(member, levelOf(reading));
    return setBounded(this.#shelves, name, shelf, FAMILIES);
  }

  #wake(now: number): void {
    for (const member of this.#wide.stale(now)) {
      this.#wide.forget(member, UNKNOWN);
      for (const shelf of this.#shelves.values()) shelf.fallBack(member, UNKNOWN);
    }
  }

  #wakeOne(shelf: Shelf, now: number): void {
    for (const member of shelf.stale(now)) {
      const wide = this.#wide.get(member);
      shelf.forget(member, wide ? levelOf(wide) : UNKNOWN);
    }
  }
}

/** Readings of one family, and the sets made of them. */
class Shelf {
  readonly readings = new Map<number, QuotaReading>();
  /** Most first. */
  readonly levels: BitSet[];
  readonly #ends = new MinHeap<number>();
  readonly #levelOf: Uint8Array;

  constructor(size: number) {
    this.levels = Array.from({ length: LEVELS }, (_, at) =>
      at === LEVELS - 1 - UNKNOWN ? BitSet.full(size) : new BitSet(size),
    );
    this.#levelOf = new Uint8Array(size).fill(UNKNOWN);
  }

  get(member: number): QuotaReading | undefined {
    return this.readings.get(member);
  }

  set(member: number, reading: QuotaReading): void {
    this.readings.set(member, reading);
    this.#ends.set(member, endOf(reading));
    this.#move(member, levelOf(reading));
  }

  /** The level of a member of which nothing of its own is known here. */
  fallBack(member: number, level: number): void {
    if (!this.readings.has(member)) this.#move(member, level);
  }

  forget(member: number, level: number): void {
    this.readings.delete(member);
    this.#move(member, level);
  }

  /** Takes out those whose readings are believed no longer. */
  *stale(now: number): Iterable<number> {
    while (this.#ends.earliest <= now) yield this.#ends.pop();
  }

  #move(member: number, level: number): void {
    const old = this.#levelOf[member]!;
    if (old === level) return;
    this.levels[LEVELS - 1 - old]!.remove(member);
    this.levels[LEVELS - 1 - level]!.add(member);
    this.#levelOf[member] = level;
  }
}

/** Until when a reading is believed: when its window starts anew it says nothing any more. */
export function endOf({ resetAt = Infinity, at }: QuotaReading): number {
  return Math.min(resetAt, at + STALE);
}

function levelOf({ remaining }: QuotaReading): number {
  return Math.min(LEVELS - 1, Math.max(0, Math.floor(remaining * LEVELS)));
}

function nameOf(pool: string, family: string): string {
  return `${pool}\n${family}`;
}
