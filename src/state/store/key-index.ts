/** An index of keys, for stores that do not list all of theirs (K18): each key is noted in a record with a known name before it is written. */
import { isFields } from "../../shared/json.ts";
import { isName, VERSION } from "../records/record-kinds.ts";
import { readItem, readItems, type StateStorage, type StoredValue } from "./storage.ts";

/** Kinds of records that are found through a listing, and the first digit of their name. */
const INDEXED = /^([cmkai]):([0-9a-f])/;
const KINDS = ["c", "m", "k", "a", "i"] as const;
const DIGITS = "0123456789abcdef";
/** Names in one record: below the smallest limit of a driver for one value. */
const NAMES_AT_MOST = 600;

export class KeyIndex {
  /** While true, keys are noted. */
  isOn = false;
  readonly #storage: StateStorage;
  readonly #base: string;
  /** Names known to be noted, by shard; a removed one is `false` until the shard is written again. */
  readonly #names = new Map<string, Map<string, boolean>>();
  /** The work on each shard, one after the other. */
  readonly #working = new Map<string, Promise<void>>();

  constructor(storage: StateStorage, base: string) {
    this.#storage = storage;
    this.#base = base;
  }

  /** Returns `storage` with each written key noted before it is written, while the index is on. */
  around(storage: StateStorage): StateStorage {
    return {
      ...storage,
      setItem: async (key, value) => {
        if (this.isOn) await this.add([key]);
        await storage.setItem(key, value);
      },
      removeItem: async (key) => {
        await storage.removeItem(key);
        if (this.isOn) await this.#remove(key);
      },
    };
  }

  /** Returns the noted keys, of one kind or all. Rejects when the store cannot be read. */
  async keys(kind?: string): Promise<string[]> {
    const kinds = KINDS.filter((one) => kind === undefined || one === kind);
    const shards = kinds.flatMap((one) => [...DIGITS].map((digit) => this.#shardKey(one, digit)));
    const found: string[] = [];
    for (const { value } of shards.length > 0 ? await readItems(this.#storage, shards) : [])
      found.push(...toNames(value).map((name) => `${this.#base}:${name}`));
    return found;
  }

  /** Notes keys. Rejects when that fails: a key must not be written that would not be found. */
  async add(keys: readonly string[]): Promise<void> {
    const added = new Map<string, string[]>();
    for (const key of keys) {
      const [shard, name] = this.#placeOf(key);
      if (shard === undefined || this.#names.get(shard)?.get(name)) continue;
      added.set(shard, [...(added.get(shard) ?? []), name]);
    }
    await Promise.all(Array.from(added, ([shard, names]) => this.#change(shard, names, true)));
  }

  async #remove(key: string): Promise<void> {
    const [shard, name] = this.#placeOf(key);
    if (shard !== undefined) await this.#change(shard, [name], false);
  }

  #change(shard: string, names: readonly string[], isThere: boolean): Promise<void> {
    const before = this.#working.get(shard) ?? Promise.resolve();
    const work = before
      .catch(() => {})
      .then(async () => {
        const known = this.#names.get(shard) ?? new Map<string, boolean>();
        if (names.every((name) => known.get(name) === isThere)) return;
        const next = new Map([...known, ...names.map((name) => [name, isThere] as const)]);
        await this.#write(shard, next);
        this.#names.set(shard, next);
      });
    this.#working.set(shard, work);
    return work;
  }

  // Another instance may write at once: what it has replaced is written again, here or with its own next key.
  async #write(shard: string, known: ReadonlyMap<string, boolean>): Promise<void> {
    for (let tries = 0; tries < 3; tries++) {
      const stored = toNames(await readItem(this.#storage, shard));
      const wanted = [...known].filter(([, isThere]) => isThere).map(([name]) => name);
      const kept = stored.filter((name) => known.get(name) !== false);
      const names = [...new Set([...kept, ...wanted])].slice(-NAMES_AT_MOST);
      const has = new Set(stored);
      if (names.length === stored.length && names.every((name) => has.has(name))) return;
      const value: StoredValue = { v: VERSION, kind: "index", names };
      await this.#storage.setItem(shard, value);
    }
  }

  #placeOf(key: string): [shard: string | undefined, name: string] {
    const name = key.slice(this.#base.length + 1);
    const found = key.startsWith(`${this.#base}:`) ? INDEXED.exec(name) : null;
    return [found ? this.#shardKey(found[1]!, found[2]!) : undefined, name];
  }

  #shardKey(kind: string, digit: string): string {
    return `${this.#base}:x:${kind}${digit}`;
  }
}

function toNames(value: unknown): string[] {
  if (!isFields(value) || value["v"] !== VERSION || !Array.isArray(value["names"])) return [];
  return value["names"].filter(isName);
}
