// Stores cooldowns by key. A cooldown is deleted when it can no longer matter; the number of cooldowns is bounded.
import type { Key } from "../contract/credential.ts";
import type { CooldownRecord } from "../contract/records.ts";
import { ANY } from "../shared/patterns.ts";
import type { Pace } from "./pace.ts";
import { MinHeap, type HeapPositions } from "../shared/min-heap.ts";

export interface Cooldown extends CooldownRecord {
  /** When this cooldown began, UTC epoch ms; a request that was sent before it shows nothing new (C6). */
  openedAt: number;
  /** The stated wait has once been too short: the backoff is used since then (C4). */
  distrusted: boolean;
  /** A success or a clearing has occurred since: the next refusal begins a new cooldown. */
  isOver: boolean;
  /** As many requests as may probe the key do so; until then at most, UTC epoch ms, it is closed to others (F4, F8). 0: another may. */
  probeUntil: number;
  /** How requests return when this cooldown has ended (F8). */
  pace?: Pace | undefined;
}

/** Until when a key is closed to other requests, UTC epoch ms; includes the time of a probe. */
export function closedUntil({ until, probeUntil }: Cooldown): number {
  return Math.max(until, probeUntil);
}

/** Holds the cooldown of one key. The entry stays while its cooldown is replaced. */
interface Entry {
  cooldown: Cooldown;
  /** Position in the heap of what is deleted next. */
  position: number | undefined;
}

/** Most owners have one key: a Map for each of them would be a third of the table's memory. */
type Keys = Entry | Map<string, Entry>;

const POSITIONS: HeapPositions<Entry> = {
  get: ({ position }) => position,
  set: (entry, position) => void (entry.position = position),
  delete: (entry) => void (entry.position = undefined),
};

export class CooldownTable {
  /** By credential; most credentials have none. */
  readonly #owners = new Map<string, Keys>();
  readonly #forgetting = new MinHeap<Entry>(POSITIONS);
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

  /** Like `get`, without creating a key. `owner`: what `ownerOf` returns. */
  find(owner: string, pool: string, family: string): Cooldown | undefined {
    return this.#entry(owner, pool, family)?.cooldown;
  }

  put(cooldown: Cooldown, forgetAt: number): void {
    const { key } = cooldown;
    const owner = ownerOf(key);
    const entry = this.#entry(owner, key.pool, key.family) ?? this.#add(owner, cooldown);
    entry.cooldown = cooldown;
    this.#forgetting.set(entry, forgetAt);
    // Model names come from clients: above the limit, the cooldown that is due first is deleted.
    if (this.size > this.#limit) this.#remove(this.#forgetting.pop());
  }

  #entry(owner: string, pool: string, family: string): Entry | undefined {
    const keys = this.#owners.get(owner);
    if (keys === undefined || keys instanceof Map) return keys?.get(nameOf(pool, family));
    const { key } = keys.cooldown;
    return key.pool === pool && key.family === family ? keys : undefined;
  }

  #add(owner: string, cooldown: Cooldown): Entry {
    const entry = { cooldown, position: undefined };
    const keys = this.#owners.get(owner);
    if (keys === undefined) this.#owners.set(owner, entry);
    else if (keys instanceof Map) keys.set(nameIn(entry), entry);
    else this.#owners.set(owner, new Map([keys, entry].map((it) => [nameIn(it), it])));
    return entry;
  }

  /** Deletes up to `most` of those that are due. */
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

/** The owner of a key: its credential, or for a key that all credentials share its upstream. */
export function ownerOf({ credential, upstream }: Pick<Key, "credential" | "upstream">): string {
  return credential === ANY ? `${ANY}\n${upstream}` : credential;
}

function nameIn({ cooldown: { key } }: Entry): string {
  return nameOf(key.pool, key.family);
}

function nameOf(pool: string, family: string): string {
  return `${pool}\n${family}`;
}
