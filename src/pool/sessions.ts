// Which credential a session last had. Bounded in number and time; the least recently used goes first (A6, K11).

interface Session {
  member: number;
  usedAt: number;
}

const KEY_LENGTH = 256;

export class Sessions {
  readonly #sessions = new Map<string, Session>();
  readonly #ttl: number;
  readonly #limit: number;

  constructor(ttl: number, limit: number) {
    this.#ttl = ttl;
    this.#limit = limit;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Returns the member a session is bound to, or -1. */
  get(key: string, now: number): number {
    const session = this.#sessions.get(shorten(key));
    return session && now - session.usedAt <= this.#ttl ? session.member : -1;
  }

  bind(key: string, member: number, now: number): void {
    const short = shorten(key);
    // A Map keeps the order of insertion: taken out and put in again, the entry is the youngest.
    this.#sessions.delete(short);
    this.#sessions.set(short, { member, usedAt: now });
    if (this.#sessions.size > this.#limit)
      this.#sessions.delete(this.#sessions.keys().next().value!);
  }
}

// A slice would keep the whole of a long key in memory, and let keys with one beginning share a credential.
function shorten(key: string): string {
  return key.length <= KEY_LENGTH ? key : `${key.length}:${hash(key, 1)}:${hash(key, 2)}`;
}

/** FNV-1a over UTF-16 units: nobody gains anything by a collision but another's credential order. */
function hash(text: string, seed: number): number {
  let value = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1);
  for (let at = 0; at < text.length; at++)
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
