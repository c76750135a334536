/** Draws from a seed: a run can be repeated. */

/** A number from 0 to 1, without 1. */
export type Random = () => number;

/** The mulberry32 generator. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function chance(random: Random, share: number): boolean {
  return random() < share;
}

/** An integer from 0 to `most`, both included. */
export function upTo(random: Random, most: number): number {
  return Math.floor(random() * (most + 1));
}

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[upTo(random, items.length - 1)]!;
}
