// Where cooldowns are kept: found by key, forgotten when they can no longer matter, never more than so many.
import type { Key } from "../contract/credential.ts";
import type { Cooldown } from "./cooldowns.ts";
import { Deadlines } from "./deadlines.ts";

export const ANY = "*";

/** A place for the cooldown of one key; it stays while the cooldown in it is replaced. */
interface Entry {
  cooldown: Cooldown;
}

export class CooldownTable {
  /** Credential → `pool \n family` → entry; nested, because most credentials have none. */
  readonly #entries = new Map<string, Map<string, Entry>>();
  readonly #forgetting = new Deadlines<Entry>();
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
    return this.#entries.get(owner)?.get(nameOf(pool, family))?.cooldown;
  }

  put(cooldown: Cooldown, forgetAt: number): void {
    const { key } = cooldown;
    const owner = ownerOf(key);
    let keys = this.#entries.get(owner);
    if (!keys) this.#entries.set(owner, (keys = new Map()));
    const name = nameOf(key.pool, key.family);
    const entry = keys.get(name) ?? { cooldown };
    entry.cooldown = cooldown;
    keys.set(name, entry);
    this.#forgetting.set(entry, forgetAt);
    // Model names come from outside: over the limit goes what would have been forgotten first.
    if (this.size > this.#limit) this.#remove(this.#forgetting.pop());
  }

  /** Forgets up to `most` of those whose time has come. */
  forget(now: number, most: number): void {
    for (let count = 0; count < most && this.#forgetting.earliest <= now; count++)
      this.#remove(this.#forgetting.pop());
  }

  *all(): Iterable<Cooldown> {
    for (const keys of this.#entries.values())
      for (const { cooldown } of keys.values()) yield cooldown;
  }

  #remove({ cooldown: { key } }: Entry): void {
    const owner = ownerOf(key);
    const keys = this.#entries.get(owner)!;
    keys.delete(nameOf(key.pool, key.family));
    if (keys.size === 0) this.#entries.delete(owner);
  }
}

/** Levels above a credential belong to an upstream; `\n` cannot stand in a credential's id together with them by chance. */
export function ownerOf({ credential, upstream }: Pick<Key, "credential" | "upstream">): string {
  return credential === ANY ? `${ANY}\n${upstream}` : credential;
}

function nameOf(pool: string, family: string): string {
  return `${pool}\n${family}`;
}
