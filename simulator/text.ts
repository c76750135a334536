// Seeded text: the same seed and request always give the same words.

const WORDS = [
  "river",
  "naïve",
  "stone",
  "日本語",
  "amber",
  "quiet",
  "🚀",
  "field",
  "über",
  "lantern",
  "seven",
  '"quoted"',
];

/** Hashes a text to 32 bits (FNV-1a). */
export function hash(text: string, seed: number): number {
  let value = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/** Creates a seeded source of numbers in [0, 1) (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Yields `count` words, each followed by a space. */
export function* words(count: number, seed: number): Generator<string> {
  const random = createRandom(seed);
  for (let i = 0; i < count; i++) yield `${WORDS[Math.floor(random() * WORDS.length)]} `;
}
