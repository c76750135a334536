/** Names of records in the store: hashed, because drivers rewrite, cut and collide the keys they are given. */

/** Cooldowns, marks, counters of an instance, leases, tokens, intents, creations, credentials made at run time. */
export type KeyKind = "c" | "m" | "i" | "l" | "t" | "n" | "a" | "k";

export interface StateKeys {
  /** Names the record of `parts`; at once where it was named before, as hashing is asynchronous. */
  of(kind: KeyKind, parts: readonly string[]): string | Promise<string>;
}

// Enough for what changes within an hour; a key that fell out is hashed again.
const CACHED_KEYS = 10_000;

export function createStateKeys(base: string): StateKeys {
  const cache = new Map<string, string>();

  async function hashed(kind: KeyKind, canonical: string): Promise<string> {
    const key = `${base}:${kind}:${await hashOf(canonical)}`;
    if (cache.size >= CACHED_KEYS) cache.clear();
    cache.set(canonical, key);
    return key;
  }

  return {
    of(kind, parts) {
      const canonical = canonicalForm(kind, parts);
      return cache.get(canonical) ?? hashed(kind, canonical);
    },
  };
}

/** Where a broken value is copied to before its key is written again. */
export function quarantineKey(base: string, key: string): string {
  return `${base}:aside:${key.slice(key.lastIndexOf(":") + 1)}`;
}

// JSON keeps the borders between parts and escapes lone surrogates, which UTF-8 would make equal.
function canonicalForm(kind: KeyKind, parts: readonly string[]): string {
  return JSON.stringify([kind, ...parts]);
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return toHex(new Uint8Array(digest, 0, 16));
}

export function toHex(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return hex;
}
