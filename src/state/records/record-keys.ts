/** Keys of records in the store. They are hashed, because drivers rewrite and truncate keys, so that two can collide. */

/** Cooldowns, marks, counters of an instance, leases, tokens, intents, creations, credentials made at run time. */
export type KeyKind = "c" | "m" | "i" | "l" | "t" | "n" | "a" | "k";

export interface StateKeys {
  /** Returns the key of a record named by `parts`: synchronously if it is cached, since hashing is asynchronous. */
  of(kind: KeyKind, parts: readonly string[]): string | Promise<string>;
}

// Enough for the records that change within an hour; a key that was evicted is hashed again.
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

/** Key that a broken value is copied to before its own key is written again. */
export function quarantineKey(base: string, key: string): string {
  return `${base}:aside:${key.slice(key.lastIndexOf(":") + 1)}`;
}

// JSON preserves the borders between parts and escapes lone surrogates, which UTF-8 would make equal.
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
