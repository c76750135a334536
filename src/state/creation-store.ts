/** Attempts to create anonymous tokens: each a record of its own, so that no writer can lose another's (H2). */
import type { Fields } from "../shared/json.ts";
import type { CreationRecord, CreationStore } from "../contract/state.ts";
import type { Quarantine } from "./store/quarantine.ts";
import type { Faults } from "./store/store-faults.ts";
import type { Clock } from "../contract/clock.ts";
import type { Semaphore } from "../shared/semaphore.ts";
import type { StateKeys } from "./records/record-keys.ts";
import { createKnownRecords } from "./records/known-records.ts";
import { readEach } from "./records/list-records.ts";
import { isName, isTime, readStored, VERSION } from "./records/record-kinds.ts";
import { readItem, readItems, type StateStorage, type StoredValue } from "./store/storage.ts";

export interface CreationStoreParts {
  storage: StateStorage;
  base: string;
  keys: StateKeys;
  quarantine: Quarantine;
  faults: Faults;
  clock: Clock;
  /** Tells the other instances. */
  announce(key: string, value: StoredValue): void;
}

/** Attempts are remembered by every instance: a store that was emptied gets all of them back. */
export interface KeptCreations extends CreationStore {
  /** Takes in what stands at `places`. Rejects when it cannot be read. */
  load(places: readonly string[], gate: Semaphore): Promise<void>;
  /** Takes in what another instance has stored; false where it is no attempt. */
  receive(key: string, value: unknown): boolean;
  /** Stores again what is missing. Rejects when it cannot. */
  writeBack(): Promise<void>;
}

/** Longer than any window that counts, and the call at its end. */
const KEPT = 25 * 3_600_000;

export function createCreationStore({
  storage,
  base,
  keys,
  quarantine,
  faults,
  clock,
  announce,
}: CreationStoreParts): KeptCreations {
  const known = createKnownRecords(mergeCreations);

  function note(key: string, value: unknown): boolean {
    const reading = readStored(CREATION, value);
    if (reading.kind === "record") known.note(key, reading.record);
    return reading.kind === "record";
  }

  async function prefixOf(limiter: string): Promise<string> {
    return `${await keys.of("a", [limiter])}-`;
  }

  async function keyOf({ limiter, id }: CreationRecord): Promise<string> {
    const name = await keys.of("a", [limiter, id]);
    return (await prefixOf(limiter)) + name.slice(name.lastIndexOf(":") + 1);
  }

  async function all(limiter: string, now: number): Promise<Found[]> {
    const prefix = await prefixOf(limiter);
    const listed = (await storage.getKeys(`${base}:a`)).filter((key) => key.startsWith(prefix));
    const found: Found[] = [];
    for (const { key, value } of listed.length > 0 ? await readItems(storage, listed) : []) {
      let reading = readStored(CREATION, value);
      // Another process may be in mid-write: what is still broken at a second look is.
      if (reading.kind === "broken") reading = readStored(CREATION, await readItem(storage, key));
      if (reading.kind === "record") found.push({ key, record: reading.record });
      if (reading.kind === "broken") found.push(await mend(limiter, key, now));
      if (reading.kind !== "newer") continue;
      // Nobody can tell what it says, and it may be an attempt: nothing is created over it.
      quarantine.skipNewer(key);
      throw new UnreadableAttempt(key);
    }
    return found;
  }

  /** Its writer died in it, at the latest now: from now on it counts as an attempt whose end nobody knows. */
  async function mend(limiter: string, key: string, now: number): Promise<Found> {
    await quarantine.keep(key);
    const id = `broken-${key.slice(key.lastIndexOf("-") + 1)}`;
    const record = { limiter, id, at: now, endedAt: undefined };
    await storage.setItem(key, toStored(record));
    return { key, record };
  }

  // One that cannot be read may be of a newer version: it is left to whoever lists.
  async function isLacking(key: string, record: CreationRecord): Promise<boolean> {
    const reading = readStored(CREATION, await readItem(storage, key));
    if (reading.kind === "record") return mergeCreations(reading.record, record) !== reading.record;
    return reading.kind === "absent";
  }

  async function told<T>(work: () => Promise<T>): Promise<T> {
    try {
      const value = await work();
      faults.clear("creation");
      return value;
    } catch (error) {
      faults.report("creation", undefined, error);
      throw error;
    }
  }

  return {
    add: (record) =>
      told(async () => {
        const [key, stored] = [await keyOf(record), toStored(record)];
        // Known before it is there: emptied in between, the store gets it all the same.
        known.note(key, record);
        await storage.setItem(key, stored);
        announce(key, stored);
      }),
    list: (limiter, before, now) =>
      told(async () => {
        const found = await all(limiter, now);
        const isOld = ({ record: { at, endedAt } }: Found): boolean =>
          Math.max(at, endedAt ?? 0) < before;
        for (const { key, record } of found) known.note(key, record);
        const old = found.filter(isOld);
        for (const { key } of old) known.drop(key);
        await Promise.all(old.map(({ key }) => storage.removeItem(key)));
        return found.filter((one) => !isOld(one)).map(({ record }) => record);
      }),
    load: (places, gate) => readEach(storage, gate, places, note),
    receive: note,
    async writeBack() {
      const stored = new Map<string, CreationRecord>();
      for (const [key, record] of known.missingFrom(stored)) {
        if (Math.max(record.at, record.endedAt ?? 0) < clock.now() - KEPT) known.drop(key);
        else if (await isLacking(key, record)) await storage.setItem(key, toStored(record));
      }
    },
  };
}

interface Found {
  key: string;
  record: CreationRecord;
}

function toStored({ limiter, id, at, endedAt }: CreationRecord): StoredValue {
  const stored: StoredValue = { v: VERSION, kind: CREATION.name, limiter, id, at };
  if (endedAt !== undefined) stored["endedAt"] = endedAt;
  return stored;
}

/** An attempt is written twice at most: the second time with its end. */
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
