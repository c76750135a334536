/** The identity of a store: a random id that the first instance writes. An instance that knows another id detects that the store was emptied (M5). */
import type { Clock } from "../../contract/clock.ts";
import type { Fields } from "../../shared/json.ts";
import {
  isName,
  isTime,
  type RecordReading,
  readStored,
  VERSION,
} from "../records/record-kinds.ts";
import { toHex } from "../records/record-keys.ts";
import type { Quarantine } from "./quarantine.ts";
import { readItem, type StateStorage, type StoredValue } from "./storage.ts";

export interface StoreIdentityOptions {
  storage: StateStorage;
  base: string;
  clock: Clock;
  quarantine: Quarantine;
  /** The clock that all instances share, UTC epoch ms. */
  sharedTime(): Promise<number>;
  /** True while the store does not return what was just written. */
  isLagging(): boolean;
  /** Called when this instance has named the store. */
  onNamed(key: string, value: StoredValue): void;
}

/** `first`: no identity was known before. */
export type StoreChange = "same" | "first" | "other";

export interface StoreIdentity {
  readonly key: string;
  /** Reads the identity, and writes one if there is none. Rejects when the store fails. */
  look(): Promise<StoreChange>;
  /** True if the store has a name. Writes nothing. Rejects when the store fails. */
  exists(): Promise<boolean>;
  /** ms since the store was named, as far as is known. Rejects when the shared clock cannot be read. */
  age(): Promise<number>;
  /** When the identity was last read, epoch ms; 0 before. */
  lookedAt(): number;
}

interface StoreName {
  id: string;
  /** When the store was named, by the shared clock, epoch ms. */
  at: number;
}

export function createStoreIdentity(options: StoreIdentityOptions): StoreIdentity {
  return new StoredIdentity(options);
}

class StoredIdentity implements StoreIdentity {
  readonly key: string;
  readonly #options: StoreIdentityOptions;
  #known: (StoreName & { seenAt: number }) | undefined;
  #lookedAt = 0;

  constructor(options: StoreIdentityOptions) {
    this.#options = options;
    this.key = `${options.base}:store`;
  }

  async look(): Promise<StoreChange> {
    const before = this.#known;
    const name = await this.#nameOf(await this.#read());
    this.#lookedAt = this.#options.clock.now();
    if (!name || name.id === before?.id) return "same";
    this.#known = { ...name, seenAt: this.#lookedAt };
    return before ? "other" : "first";
  }

  async exists(): Promise<boolean> {
    return (await this.#read()).kind === "record";
  }

  async age(): Promise<number> {
    const known = this.#known;
    if (!known) return 0;
    const now = await this.#options.sharedTime();
    // If the store was named by a clock ahead of ours, its age is the time since this instance read the name.
    return Math.max(now - known.at, this.#options.clock.now() - known.seenAt);
  }

  lookedAt(): number {
    return this.#lookedAt;
  }

  /** Reads twice: a store that once returns nothing, or is read in mid-write, is not empty. */
  async #read(): Promise<RecordReading<StoreName>> {
    const { storage } = this.#options;
    const reading = readStored(STORE_NAME, await readItem(storage, this.key));
    if (reading.kind === "record" || reading.kind === "newer") return reading;
    return readStored(STORE_NAME, await readItem(storage, this.key));
  }

  async #nameOf(reading: RecordReading<StoreName>): Promise<StoreName | undefined> {
    if (reading.kind === "record") return reading.record;
    // A newer version of the relay has named the store: its identity cannot be compared.
    if (reading.kind === "newer") return this.#known;
    // The name is not visible yet, or no write is kept: otherwise all records would be written at every reading.
    if (this.#known && this.#options.isLagging()) return this.#known;
    if (reading.kind === "broken") await this.#options.quarantine.keep(this.key);
    return this.#write();
  }

  async #write(): Promise<StoreName> {
    const { storage, sharedTime, onNamed } = this.#options;
    const at = await sharedTime();
    const id = toHex(crypto.getRandomValues(new Uint8Array(8)));
    const value = { v: VERSION, kind: STORE_NAME.name, id, at };
    await storage.setItem(this.key, value);
    // If several instances name the store at once, the last write wins.
    const after = await this.#read();
    onNamed(this.key, value);
    return after.kind === "record" ? after.record : { id, at };
  }
}

const STORE_NAME: { name: string; fromStored(fields: Fields): StoreName | undefined } = {
  name: "store",
  fromStored: ({ id, at }) => (isName(id) && isTime(at) ? { id, at } : undefined),
};
