// Where cooldowns are kept: found by key, forgotten when they can no longer matter, never more than so many.
import type { Key } from "../contract/credential.ts";
import type { CooldownRecord } from "../contract/records.ts";
import { ANY } from "../shared/patterns.ts";
import { MinHeap, type HeapPositions } from "../shared/min-heap.ts";

export interface Cooldown extends CooldownRecord {
  /** When this window opened; a request sent before it proves nothing new (C6). */
  openedAt: number;
  /** The wait was stated and proved too short once: the ladder has taken over (C4). */
  distrusted: boolean;
  /** A success or a clearing has come since: what is refused from now on is a new matter. */
  isOver: boolean;
  /** One request tries whether the key is open again: closed to all others until then at most (F4); 0 where none does. */
  trialUntil: number;
}

/** Until when a cooldown keeps everybody else away, the time of a trial included. */
export function closedUntil({ until, trialUntil }: Cooldown): number {
  return Math.max(until, trialUntil);
}

/** A place for the cooldown of one key; it stays while the cooldown in it is replaced. */
interface Entry {
  cooldown: Cooldown;
  /** Among those that are forgotten in time. */
  place: number | undefined;
}

/** Most owners have one key: a Map for each would be a third of the table. */
type Keys = Entry | Map<string, Entry>;

const PLACES: HeapPositions<Entry> = {
  get: ({ place }) => place,
  set: (entry, place) => void (entry.place = place),
  delete: (entry) => void (entry.place = undefined),
};

export class CooldownTable {
  /** By credential; most have none. */
  readonly #owners = new Map<string, Keys>();
  readonly #forgetting = new MinHeap<Entry>(PLACES);
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#forgetting.size;
  }

  get(key: Key): Cooldown | undefined {
    return this.find(ownerOf(key), key.pool, key.family);
  }

  /** Like `get`, without a key to be made; `owner` as `ownerOf` gives it. */
  find(owner: string, pool: string, family: string): Cooldown | undefined {
    return this.#entry(owner, pool, family)?.cooldown;
  }

  put(cooldown: Cooldown, forgetAt: number): void {
    const { key } = cooldown;
    const owner = ownerOf(key);
    const entry = this.#entry(owner, key.pool, key.family) ?? this.#add(owner, cooldown);
    entry.cooldown = cooldown;
    this.#forgetting.set(entry, forgetAt);
    // Model names come from outside: over the limit goes what would have been forgotten first.
    if (this.size > this.#limit) this.#remove(this.#forgetting.pop());
  }

  #entry(owner: string, pool: string, family: string): Entry | undefined {
    const keys = this.#owners.get(owner);
    if (keys === undefined || keys instanceof Map) return keys?.get(nameOf(pool, family));
    const { key } = keys.cooldown;
    return key.pool === pool && key.family === family ? keys : undefined;
  }

  #add(owner: string, cooldown: Cooldown): Entry {
    const entry = { cooldown, place: undefined };
    const keys = this.#owners.get(owner);
    if (keys === undefined) this.#owners.set(owner, entry);
    else if (keys instanceof Map) keys.set(nameIn(entry), entry);
    else this.#owners.set(owner, new Map([keys, entry].map((it) => [nameIn(it), it])));
    return entry;
  }

  /** Forgets up to `most` of those whose time has come. */
  forget(now: number, most: number): void {
    for (let count = 0; count < most && this.#forgetting.earliest <= now; count++)
      this.#remove(this.#forgetting.pop());
  }

  *all(): Iterable<Cooldown> {
    for (const keys of this.#owners.values())
      if (keys instanceof Map) for (const { cooldown } of keys.values()) yield cooldown;
      else yield keys.cooldown;
  }

  #remove(entry: Entry): void {
    const owner = ownerOf(entry.cooldown.key);
    const keys = this.#owners.get(owner);
    if (keys instanceof Map) keys.delete(nameIn(entry));
    if (!(keys instanceof Map) || keys.size === 0) this.#owners.delete(owner);
  }
}

/** Levels above a credential belong to an upstream; `\n` cannot stand in a credential's id together with them by chance. */
export function ownerOf({ credential, upstream }: Pick<Key, "credential" | "upstream">): string {
  return credential === ANY ? `${ANY}\n${upstream}` : credential;
}

function nameIn({ cooldown: { key } }: Entry): string {
  return nameOf(key.pool, key.family);
}

function nameOf(pool: string, family: string): string {
  return `${pool}\n${family}`;
}
