/** Attempts to create anonymous tokens: each a separate record, so that no write can lose another attempt (H2). */
import type { Clock } from "../contract/clock.ts";
import type { CreationRecord } from "../contract/records.ts";
import type { CreationStore } from "../contract/state.ts";
import { type Fields, withoutUndefined } from "../shared/json.ts";
import type { Semaphore } from "../shared/semaphore.ts";
import { createKnownRecords } from "./records/known-records.ts";
import { readEach } from "./records/list-records.ts";
import { isName, isTime, readStored, VERSION } from "./records/record-kinds.ts";
import type { StateKeys } from "./records/record-keys.ts";
import type { KeyIndex } from "./store/key-index.ts";
import type { Quarantine } from "./store/quarantine.ts";
import type { Faults } from "./store/store-faults.ts";
import { readItem, readItems, type StateStorage, type StoredValue } from "./store/storage.ts";

export interface CreationStoreDeps {
  storage: StateStorage;
  base: string;
  keys: StateKeys;
  quarantine: Quarantine;
  faults: Faults;
  clock: Clock;
  index?: Pick<KeyIndex, "isOn" | "keys"> | undefined;
  /** Announces a record to the other instances. */
  announce(key: string, value: StoredValue): void;
}

/** Every instance remembers the attempts, so that a store that was emptied gets all of them back. */
export interface KeptCreations extends CreationStore {
  /** Reads the attempts at `places`. Rejects when one cannot be read. */
  load(places: readonly string[], semaphore: Semaphore): Promise<void>;
  /** Notes a value written by another instance if it is an attempt. */
  receive(key: string, value: unknown): void;
  /** Stores what is missing. Rejects when it cannot. */
  writeBack(): Promise<void>;
}

/** Longer than the longest window that counts, and the call at its end, ms. */
const KEPT = 25 * 3_600_000;

export function createCreationStore(deps: CreationStoreDeps): KeptCreations {
  return new StoredCreations(deps);
}

interface FoundCreation {
  key: string;
  record: CreationRecord;
}

class StoredCreations implements KeptCreations {
  readonly #deps: CreationStoreDeps;
  readonly #known = createKnownRecords(mergeCreations);

  constructor(deps: CreationStoreDeps) {
    this.#deps = deps;
  }

  add(record: CreationRecord): Promise<void> {
    return this.#reporting(async () => {
      const { storage, announce } = this.#deps;
      const [key, stored] = [await this.#keyOf(record), toStored(record)];
      // Noted before it is stored: if the store is emptied in between, it is written back all the same.
      this.#known.note(key, record);
      await storage.setItem(key, stored);
      announce(key, stored);
    });
  }

  list(limiter: string, before: number, now: number): Promise<CreationRecord[]> {
    return this.#reporting(async () => {
      const found = await this.#read(limiter, now);
      const isOld = ({ record }: FoundCreation): boolean => lastTimeOf(record) < before;
      for (const { key, record } of found) this.#known.note(key, record);
      const old = found.filter(isOld);
      for (const { key } of old) this.#known.drop(key);
      await Promise.all(old.map(({ key }) => this.#deps.storage.removeItem(key)));
      return found.filter((one) => !isOld(one)).map(({ record }) => record);
    });
  }

  load(places: readonly string[], semaphore: Semaphore): Promise<void> {
    return readEach(this.#deps.storage, semaphore, places, (key, value) =>
      this.receive(key, value),
    );
  }

  receive(key: string, value: unknown): void {
    const reading = readStored(CREATION, value);
    if (reading.kind === "record") this.#known.note(key, reading.record);
  }

  async writeBack(): Promise<void> {
    const { storage, clock } = this.#deps;
    for (const [key, record] of this.#known.missingFrom(new Map<string, CreationRecord>())) {
      if (lastTimeOf(record) < clock.now() - KEPT) this.#known.drop(key);
      else if (await this.#isMissing(key, record)) await storage.setItem(key, toStored(record));
    }
  }

  async #read(limiter: string, now: number): Promise<FoundCreation[]> {
    const { storage, base, quarantine } = this.#deps;
    const prefix = await this.#prefixOf(limiter);
    const keys = [...(await storage.getKeys(`${base}:a`)), ...(await this.#indexed())];
    const listed = [...new Set(keys)].filter((key) => key.startsWith(prefix));
    const found: FoundCreation[] = [];
    for (const { key, value } of listed.length > 0 ? await readItems(storage, listed) : []) {
      let reading = readStored(CREATION, value);
      // Another process may be in mid-write, or the read has failed: only the second answer counts.
      if (reading.kind === "broken" || reading.kind === "absent")
        reading = readStored(CREATION, await readItem(storage, key));
      if (reading.kind === "record") found.push({ key, record: reading.record });
      if (reading.kind === "broken") found.push(await this.#repair(limiter, key, now));
      if (reading.kind !== "newer") continue;
      // A record of a newer version may be an attempt: nothing is created while one cannot be read.
      quarantine.skipNewer(key);
      throw new UnreadableAttempt(key);
    }
    return found;
  }

  /** The attempts that the store may not list. */
  async #indexed(): Promise<string[]> {
    const { index } = this.#deps;
    return index?.isOn ? index.keys("a") : [];
  }

  /** Its writer died in mid-write, at the latest now: from now on it counts as an attempt without a known end. */
  async #repair(limiter: string, key: string, now: number): Promise<FoundCreation> {
    await this.#deps.quarantine.keep(key);
    const id = `broken-${key.slice(key.lastIndexOf("-") + 1)}`;
    const record = { limiter, id, at: now, endedAt: undefined };
    await this.#deps.storage.setItem(key, toStored(record));
    return { key, record };
  }

  // A value that cannot be read may be of a newer version: `list` decides about it.
  async #isMissing(key: string, record: CreationRecord): Promise<boolean> {
    const reading = readStored(CREATION, await readItem(this.#deps.storage, key));
    if (reading.kind === "record") return mergeCreations(reading.record, record) !== reading.record;
    return reading.kind === "absent";
  }

  async #prefixOf(limiter: string): Promise<string> {
    return `${await this.#deps.keys.of("a", [limiter])}-`;
  }

  async #keyOf({ limiter, id }: CreationRecord): Promise<string> {
    const name = await this.#deps.keys.of("a", [limiter, id]);
    return (await this.#prefixOf(limiter)) + name.slice(name.lastIndexOf(":") + 1);
  }

  async #reporting<T>(work: () => Promise<T>): Promise<T> {
    const { faults } = this.#deps;
    try {
      const value = await work();
      faults.clear("creation");
      return value;
    } catch (error) {
      faults.report("creation", undefined, error);
      throw error;
    }
  }
}

function lastTimeOf({ at, endedAt }: CreationRecord): number {
  return Math.max(at, endedAt ?? 0);
}

function toStored({ limiter, id, at, endedAt }: CreationRecord): StoredValue {
  return { v: VERSION, kind: CREATION.name, limiter, id, at, ...withoutUndefined({ endedAt }) };
}

/** An attempt is written at most twice: the second time with its end. */
function mergeCreations(a: CreationRecord, b: CreationRecord): CreationRecord {
  return a.endedAt === undefined && b.endedAt !== undefined ? b : a;
}

/** An attempt that may count cannot be read. */
class UnreadableAttempt extends Error {
  override name = "UnreadableAttempt";
  readonly code = "UNREADABLE_ATTEMPT";
}

const CREATION: { name: string; fromStored(fields: Fields): CreationRecord | undefined } = {
  name: "creation",
  fromStored({ limiter, id, at, endedAt }) {
    if (!isName(limiter) || !isName(id) || !isTime(at)) return undefined;
    if (endedAt !== undefined && !isTime(endedAt)) return undefined;
    return { limiter, id, at, endedAt };
  },
};
