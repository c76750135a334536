/** Which store this is: whoever finds it without a name gives it one, and who knew it by another knows that it was emptied (M5). */
import type { Fields } from "../../shared/json.ts";
import type { Clock } from "../../contract/clock.ts";
import type { Quarantine } from "./quarantine.ts";
import { toHex } from "../records/record-keys.ts";
import {
  isName,
  isTime,
  type RecordReading,
  readStored,
  VERSION,
} from "../records/record-kinds.ts";
import { readItem, type StateStorage, type StoredValue } from "./storage.ts";

export interface StoreIdentityOptions {
  storage: StateStorage;
  base: string;
  clock: Clock;
  quarantine: Quarantine;
  /** The clock that all instances share. */
  sharedTime(): Promise<number>;
  /** Hears that this instance has named the store. */
  onNamed(key: string, value: StoredValue): void;
}

/** `first`: nothing was known of it before. */
export type StoreChange = "same" | "first" | "other";

export interface StoreIdentity {
  readonly key: string;
  /** Reads the name, and gives one where there is none. Rejects where the store fails. */
  look(): Promise<StoreChange>;
  /** ms since the store was named, as far as is known. Rejects where the store cannot tell the time. */
  age(): Promise<number>;
  /** When it was last looked at, epoch ms; 0 before. */
  lookedAt(): number;
}

interface Name {
  id: string;
  /** By the shared clock, epoch ms. */
  at: number;
}

export function createStoreIdentity(options: StoreIdentityOptions): StoreIdentity {
  const { storage, clock, quarantine } = options;
  const key = `${options.base}:store`;
  let known: (Name & { seenAt: number }) | undefined;
  let lookedAt = 0;

  /** A store that answers "nothing" once, or is read in mid-write, is no empty one yet. */
  async function read(): Promise<RecordReading<Name>> {
    const reading = readStored(NAME, await readItem(storage, key));
    if (reading.kind === "record" || reading.kind === "newer") return reading;
    return readStored(NAME, await readItem(storage, key));
  }

  async function give(): Promise<Name> {
    const at = await options.sharedTime();
    const id = toHex(crypto.getRandomValues(new Uint8Array(8)));
    const value = { v: VERSION, kind: NAME.name, id, at };
    await storage.setItem(key, value);
    // Of several that name it at once the last has named it.
    const after = await read();
    options.onNamed(key, value);
    return after.kind === "record" ? after.record : { id, at };
  }

  async function nameOf(reading: RecordReading<Name>): Promise<Name | undefined> {
    if (reading.kind === "record") return reading.record;
    // Another version knows what it means.
    if (reading.kind === "newer") return known;
    if (reading.kind === "broken") await quarantine.keep(key);
    return give();
  }

  return {
    key,
    async look() {
      const before = known;
      const name = await nameOf(await read());
      lookedAt = clock.now();
      if (!name || name.id === before?.id) return "same";
      known = { ...name, seenAt: lookedAt };
      return before ? "other" : "first";
    },
    async age() {
      if (!known) return 0;
      const now = await options.sharedTime();
      // Named by a clock ahead of ours, it is as old as we have known it.
      return Math.max(now - known.at, clock.now() - known.seenAt);
    },
    lookedAt: () => lookedAt,
  };
}

const NAME: { name: string; fromStored(fields: Fields): Name | undefined } = {
  name: "store",
  fromStored: ({ id, at }) => (isName(id) && isTime(at) ? { id, at } : undefined),
};
