/** Attempts to create anonymous tokens: each a record of its own, so that no writer can lose another's (H2). */
import type { CreationRecord, CreationStore } from "../contract/state.ts";
import type { Aside } from "./aside.ts";
import type { Faults } from "./faults.ts";
import type { StateKeys } from "./keys.ts";
import { type Fields, isName, isTime, readStored, VERSION } from "./records.ts";
import { readItems, type StateStorage, type StoredValue } from "./storage.ts";

export interface CreationStoreParts {
  storage: StateStorage;
  base: string;
  keys: StateKeys;
  aside: Aside;
  faults: Faults;
}

export function createCreationStore({
  storage,
  base,
  keys,
  aside,
  faults,
}: CreationStoreParts): CreationStore {
  async function prefixOf(limiter: string): Promise<string> {
    return `${await keys.of("a", [limiter])}-`;
  }

  async function keyOf({ limiter, id }: CreationRecord): Promise<string> {
    const name = await keys.of("a", [limiter, id]);
    return (await prefixOf(limiter)) + name.slice(name.lastIndexOf(":") + 1);
  }

  async function all(limiter: string): Promise<{ key: string; record: CreationRecord }[]> {
    const prefix = await prefixOf(limiter);
    const listed = (await storage.getKeys(`${base}:a`)).filter((key) => key.startsWith(prefix));
    const found: { key: string; record: CreationRecord }[] = [];
    for (const { key, value } of listed.length > 0 ? await readItems(storage, listed) : []) {
      const reading = readStored(CREATION, value);
      if (reading.is === "record") found.push({ key, record: reading.record });
      // Whatever cannot be read may be an attempt: nothing is created over it.
      if (reading.is === "newer") aside.leave(key);
      if (reading.is === "broken") await aside.keep(key);
      if (reading.is === "newer" || reading.is === "broken") throw new UnreadableAttempt(key);
    }
    return found;
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
        const { limiter, id, at, endedAt } = record;
        const stored: StoredValue = { v: VERSION, kind: CREATION.name, limiter, id, at };
        if (endedAt !== undefined) stored["endedAt"] = endedAt;
        await storage.setItem(await keyOf(record), stored);
      }),
    list: (limiter, before) =>
      told(async () => {
        const found = await all(limiter);
        const isOld = ({ record: { at, endedAt } }: (typeof found)[number]): boolean =>
          Math.max(at, endedAt ?? 0) < before;
        await Promise.all(found.filter(isOld).map(({ key }) => storage.removeItem(key)));
        return found.filter((one) => !isOld(one)).map(({ record }) => record);
      }),
  };
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
