/** Copies broken values before their keys are written again, and names every unreadable key in log and status. */
import type { Log } from "../../contract/log.ts";
import { quarantineKey } from "../records/record-keys.ts";
import { assertRead, readItem } from "./storage.ts";
import type { StateStorage, StoredValue } from "./storage.ts";

export interface Quarantine {
  /** Copies the broken value at `key`, raw. Rejects when it cannot: then the key must not be written. */
  keep(key: string): Promise<void>;
  /** Notes that the value at `key` was written by a newer version and stays unchanged. */
  skipNewer(key: string): void;
  /** Notes that a sealed value cannot be opened with the configured secrets. */
  cannotOpen(what: string): void;
  /** The value at `key` has been read well. */
  release(key: string): void;
  /** Every key noted so far. */
  keys(): string[];
}

// Many broken values must not fill the log: the status lists all of them.
const LOGGED = 20;

export function createQuarantine(storage: StateStorage, base: string, log: Log): Quarantine {
  const noted = new Set<string>();

  function note(key: string, what: string): void {
    if (noted.has(key)) return;
    noted.add(key);
    if (noted.size <= LOGGED) log.warn(`state: ${what}: ${key}`);
    if (noted.size === LOGGED)
      log.warn("state: further unreadable records are listed in the status only (`setAside`)");
  }

  async function keep(key: string): Promise<void> {
    note(key, "broken record, copied to quarantine and not used");
    const copy = quarantineKey(base, key);
    const raw = assertRead(await storage.getItemRaw?.(key));
    if (raw !== null && raw !== undefined && storage.setItemRaw)
      return storage.setItemRaw(copy, raw);
    // SQL stores raw values in a separate column. Here the value is text, or whatever the driver parsed the text as.
    const value = await readItem(storage, key);
    // Absent by now: another instance has repaired it.
    if (value !== null && value !== undefined) await storage.setItem(copy, value as StoredValue);
  }

  return {
    keep,
    skipNewer: (key) =>
      note(key, "record of a newer version of the relay, not used and not overwritten"),
    cannotOpen: (what) => note(what, "sealed value cannot be opened with the configured `secret`"),
    release: (key) => void noted.delete(key),
    keys: () => [...noted],
  };
}
