// The remaining quota of each credential, for one pool × family or for all, as far as it is known.
import { BitSet } from "../shared/bitset.ts";
import { setBounded } from "../shared/bounded-map.ts";
import { ANY } from "../shared/patterns.ts";
import { MinHeap } from "../shared/min-heap.ts";

/** The last known state of a quota. */
export interface QuotaReading {
  /** Remaining share, 0 to 1. */
  remaining: number;
  /** When the quota resets, UTC epoch ms; `undefined` when that is unknown. */
  resetAt: number | undefined;
  /** Time of the reading, UTC epoch ms. */
  at: number;
}

/** A reading expires after this time, in ms (A9). */
export const STALE = 300_000;
const LEVELS = 10;
/** An unknown quota counts as half. */
const UNKNOWN = 5;
/** Limit of families, since their names come from clients; the oldest one is dropped. */
const FAMILIES = 256;

export class QuotaIndex {
  readonly #size: number;
  readonly #allFamilies: Shelf;
  readonly #shelves = new Map<string, Shelf>();

  constructor(size: number) {
    this.#size = size;
    this.#allFamilies = new Shelf(size);
  }

  /** Applies a reading of a member, for one pool × family or, with `*`, for all. */
  set(member: number, pool: string, family: string, reading: QuotaReading, now: number): void {
    if (endOf(reading) <= now) return;
    if (family !== ANY) return this.#shelfOf(pool, family).set(member, reading);
    this.#allFamilies.set(member, reading);
    for (const shelf of this.#shelves.values()) shelf.fallBack(member, levelOf(reading));
  }

  /** The current reading of a member: for the family, else for all. */
  get(member: number, pool: string, family: string, now: number): QuotaReading | undefined {
    this.#wake(now);
    const own = this.#shelves.get(nameOf(pool, family));
    if (own) this.#wakeOne(own, now);
    return own?.get(member) ?? this.#allFamilies.get(member);
  }

  /** Members by their remaining quota for a family: ten sets, the largest share first. */
  levels(pool: string, family: string, now: number): readonly BitSet[] {
    this.#wake(now);
    const own = this.#shelves.get(nameOf(pool, family));
    if (own) this.#wakeOne(own, now);
    return (own ?? this.#allFamilies).levels;
  }

  /** Returns a copy with other member numbers: `numberOf` maps each number to the new one, -1 for a member that was removed. */
  renumbered(size: number, numberOf: (member: number) => number, now: number): QuotaIndex {
    const copy = new QuotaIndex(size);
    this.#wake(now);
    for (const [member, reading] of this.#allFamilies.readings)
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
    for (const [member, reading] of this.#allFamilies.readings)
      shelf.fallBack(member, levelOf(reading));
    return setBounded(this.#shelves, name, shelf, FAMILIES);
  }

  #wake(now: number): void {
    for (const member of this.#allFamilies.stale(now)) {
      this.#allFamilies.forget(member, UNKNOWN);
      for (const shelf of this.#shelves.values()) shelf.fallBack(member, UNKNOWN);
    }
  }

  #wakeOne(shelf: Shelf, now: number): void {
    for (const member of shelf.stale(now)) {
      const general = this.#allFamilies.get(member);
      shelf.forget(member, general ? levelOf(general) : UNKNOWN);
    }
  }
}

/** The readings of one family, and the sets derived from them. */
class Shelf {
  readonly readings = new Map<number, QuotaReading>();
  /** The largest share first. */
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

  /** Sets the level of a member that has no reading here. */
  fallBack(member: number, level: number): void {
    if (!this.readings.has(member)) this.#move(member, level);
  }

  forget(member: number, level: number): void {
    this.readings.delete(member);
    this.#move(member, level);
  }

  /** Removes and returns the members with expired readings. */
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

/** When a reading expires, UTC epoch ms: at the latest when its window resets. */
export function endOf({ resetAt = Infinity, at }: QuotaReading): number {
  return Math.min(resetAt, at + STALE);
}

function levelOf({ remaining }: QuotaReading): number {
  return Math.min(LEVELS - 1, Math.max(0, Math.floor(remaining * LEVELS)));
}

function nameOf(pool: string, family: string): string {
  return `${pool}\n${family}`;
}
