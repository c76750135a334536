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
    const session = this.#sessions.get(key.slice(0, KEY_LENGTH));
    return session && now - session.usedAt <= this.#ttl ? session.member : -1;
  }

  bind(key: string, member: number, now: number): void {
    const short = key.slice(0, KEY_LENGTH);
    // A Map keeps the order of insertion: taken out and put in again, the entry is the youngest.
    this.#sessions.delete(short);
    this.#sessions.set(short, { member, usedAt: now });
    if (this.#sessions.size > this.#limit)
      this.#sessions.delete(this.#sessions.keys().next().value!);
  }
}
