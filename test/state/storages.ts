/** Stores for tests: unstorage drivers, and their failures. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStorage } from "unstorage";
import type { Storage } from "unstorage";
import fsDriver from "unstorage/drivers/fs-lite";
import type { StateStorage } from "../../src/state/store/storage.ts";
import type { StoreUnderTest } from "./contract.ts";

/** A place for values that survives a process. */
export interface StorePlace {
  /** Opens it as a process would at its start. */
  open(): Storage;
  dispose(): Promise<void>;
}

export function memoryPlace(): StorePlace {
  const storage = createStorage();
  return { open: () => storage, dispose: async () => {} };
}

export async function fsPlace(): Promise<StorePlace & { base: string }> {
  const base = await mkdtemp(join(tmpdir(), "relay-state-"));
  return {
    base,
    open: () => createStorage({ driver: fsDriver({ base }) }),
    dispose: () => rm(base, { recursive: true, force: true }),
  };
}

type Method = "getKeys" | "getItem" | "getItems" | "setItem" | "removeItem";
type Around = (method: Method, key: string, run: () => Promise<unknown>) => Promise<unknown>;

/** Passes each call through `around`, which may count, delay or refuse it, or change its result. */
export function wrapStorage(storage: Storage, around: Around): StateStorage {
  const wrapped: StateStorage = {
    getKeys: (base) =>
      around("getKeys", base ?? "", () => storage.getKeys(base)) as Promise<string[]>,
    getItem: (key) => around("getItem", key, () => storage.getItem(key)),
    getItems: (keys) =>
      around("getItems", keys.join(), () => storage.getItems(keys)) as Promise<
        { key: string; value: unknown }[]
      >,
    setItem: (key, value) =>
      around("setItem", key, () => storage.setItem(key, value as never)) as Promise<void>,
    removeItem: (key) => around("removeItem", key, () => storage.removeItem(key)) as Promise<void>,
    getItemRaw: (key) => storage.getItemRaw(key),
    setItemRaw: (key, value) => storage.setItemRaw(key, value),
    getMount: (key) => storage.getMount(key),
  };
  return wrapped;
}

/** A store that refuses the methods in `broken`, and counts the calls of each. */
export function createFailing(storage: Storage = createStorage()): {
  storage: StateStorage;
  inner: Storage;
  broken: Set<Method>;
  calls: Map<Method, number>;
} {
  const broken = new Set<Method>();
  const calls = new Map<Method, number>();
  const wrapped = wrapStorage(storage, async (method, _key, run) => {
    calls.set(method, (calls.get(method) ?? 0) + 1);
    if (broken.has(method)) {
      throw Object.assign(new Error("at redis://user:s3cret@10.0.0.1"), { code: "ECONNREFUSED" });
    }
    return run();
  });
  return { storage: wrapped, inner: storage, broken, calls };
}

/** Waits some turns of the event loop, so that a slow store's call overlaps others. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Turns a place into a store for the contract suite, opened through `open` if that is given. */
export function underTest(
  place: StorePlace,
  open: (storage: Storage) => StateStorage = (storage) => storage,
): StoreUnderTest {
  const plain = place.open();
  return {
    open: () => open(place.open()),
    // As a string and not as JSON of a string: half a value is no JSON at all.
    plant: (key, value) => plain.setItem(key, value),
    async dump() {
      const values = new Map<string, string>();
      for (const key of await plain.getKeys())
        values.set(key, textOf((await plain.getItemRaw(key)) ?? (await plain.getItem(key))));
      return values;
    },
    dispose: () => place.dispose(),
  };
}

function textOf(raw: unknown): string {
  if (raw instanceof Uint8Array) return new TextDecoder().decode(raw);
  return typeof raw === "object" ? JSON.stringify(raw) : String(raw);
}
