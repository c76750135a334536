/** A storage in memory, for a relay without a configured one. */
import type { StateStorage, StoredValue } from "./storage.ts";

export function createMemoryStorage(): StateStorage {
  const values = new Map<string, StoredValue>();
  return {
    getKeys: async (base = "") => [...values.keys()].filter((key) => key.startsWith(base)),
    getItem: async (key) => values.get(key) ?? null,
    getItems: async (keys) => keys.map((key) => ({ key, value: values.get(key) ?? null })),
    setItem: async (key, value) => void values.set(key, value),
    removeItem: async (key) => void values.delete(key),
    getMount: () => ({ driver: { name: "memory" } }),
  };
}
