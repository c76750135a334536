// The last credential of each session. Bounded in number and time; the least recently used session is dropped first (A6, K11).

interface Session {
  key: string;
  member: number;
  usedAt: number;
  older: Session | undefined;
  newer: Session | undefined;
}

const KEY_LENGTH = 256;

export class SessionTable {
  readonly #sessions = new Map<string, Session>();
  readonly #ttl: number;
  readonly #limit: number;
  // The order of use is kept in a linked list: finding the first key of a Map from which many were deleted is slow.
  #oldest: Session | undefined;
  #newest: Session | undefined;

  constructor(ttl: number, limit: number) {
    this.#ttl = ttl;
    this.#limit = limit;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Returns the member that a session is bound to, or -1. */
  get(key: string, now: number): number {
    const session = this.#sessions.get(shorten(key));
    return session && now - session.usedAt <= this.#ttl ? session.member : -1;
  }

  bind(key: string, member: number, now: number): void {
    const short = shorten(key);
    const known = this.#sessions.get(short);
    if (known) this.#unlink(known);
    const session = known ?? this.#add(short);
    session.member = member;
    session.usedAt = now;
    this.#append(session);
  }

  // A full table reuses the object of the dropped session: old objects that die constantly keep the garbage collector busy.
  #add(key: string): Session {
    const session = this.size < this.#limit ? createSession() : this.#forget(this.#oldest!);
    session.key = key;
    this.#sessions.set(key, session);
    return session;
  }

  /** Renumbers the members; sessions of removed members (-1) are dropped. */
  renumber(numberOf: (member: number) => number): void {
    for (const session of this.#sessions.values()) {
      session.member = numberOf(session.member);
      if (session.member < 0) this.#forget(session);
    }
  }

  #forget(session: Session): Session {
    this.#unlink(session);
    this.#sessions.delete(session.key);
    return session;
  }

  #append(session: Session): void {
    session.older = this.#newest;
    session.newer = undefined;
    if (this.#newest) this.#newest.newer = session;
    else this.#oldest = session;
    this.#newest = session;
  }

  #unlink({ older, newer }: Session): void {
    if (older) older.newer = newer;
    else this.#oldest = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
  }
}

function createSession(): Session {
  return { key: "", member: -1, usedAt: 0, older: undefined, newer: undefined };
}

// A slice would keep the whole long key in memory, and let keys with a common beginning share a credential.
function shorten(key: string): string {
  return key.length <= KEY_LENGTH ? key : `${key.length}:${hash(key, 1)}:${hash(key, 2)}`;
}

/** FNV-1a over UTF-16 units. After a collision two sessions share a credential, with no other effect. */
function hash(text: string, seed: number): number {
  let value = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1);
  for (let at = 0; at < text.length; at++)
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
