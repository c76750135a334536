/** Keeps what could not be understood: copied before its key is written again, named in log and status. */
import type { Log } from "../../contract/log.ts";
import { quarantineKey } from "../records/record-keys.ts";
import { assertRead, readItem } from "./storage.ts";
import type { StateStorage, StoredValue } from "./storage.ts";

export interface Quarantine {
  /** Copies the broken value at `key` aside, raw. Rejects when it cannot: then the key must not be written. */
  keep(key: string): Promise<void>;
  /** Notes that the value at `key` was written by a newer version and stays as it is. */
  skipNewer(key: string): void;
  /** Notes that what is sealed in a record cannot be opened with the secrets there are. */
  cannotOpen(what: string): void;
  /** Every key noted so far. */
  keys(): string[];
}

// A store full of rubbish must not fill the log: the rest stands in the status.
const LOGGED = 20;

export function createQuarantine(storage: StateStorage, base: string, log: Log): Quarantine {
  const noted = new Set<string>();

  function note(key: string, what: string): void {
    if (noted.has(key)) return;
    noted.add(key);
    if (noted.size <= LOGGED) log.warn(`state: ${what}: ${key}`);
    if (noted.size === LOGGED) log.warn("state: further ones are listed in the status alone");
  }

  async function keep(key: string): Promise<void> {
    note(key, "a broken record is kept aside and not used");
    const copy = quarantineKey(base, key);
    const raw = assertRead(await storage.getItemRaw?.(key));
    if (raw !== null && raw !== undefined && storage.setItemRaw)
      return storage.setItemRaw(copy, raw);
    // SQL keeps raw values in a column of their own. What comes back here is text, or what text was taken for.
    const value = await readItem(storage, key);
    // Gone since: another instance has mended it.
    if (value !== null && value !== undefined) await storage.setItem(copy, value as StoredValue);
  }

  return {
    keep,
    skipNewer: (key) => note(key, "a record of a newer version is left alone"),
    cannotOpen: (what) => note(what, "what is sealed cannot be opened with the configured secrets"),
    keys: () => [...noted],
  };
}
