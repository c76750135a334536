/** Deno KV's compare-and-set as its documentation describes it; the real one runs in Deno alone. */
import { createStorage } from "unstorage";
import type { StorePlace } from "./storages.ts";

export function createDenoKvFake(): StorePlace {
  const entries = new Map<string, { value: unknown; versionstamp: string }>();
  let version = 0;
  const get = async (key: string[]) =>
    entries.get(key.join("\n")) ?? { value: null, versionstamp: null };
  function atomic(
    checks: { key: string[]; versionstamp: string | null }[] = [],
    sets: [string[], unknown][] = [],
  ) {
    return {
      check: (entry: { key: string[]; versionstamp: string | null }) =>
        atomic([...checks, entry], sets),
      set: (key: string[], value: unknown) => atomic(checks, [...sets, [key, value]]),
      async commit() {
        const holds = checks.every(
          ({ key, versionstamp }) =>
            (entries.get(key.join("\n"))?.versionstamp ?? null) === versionstamp,
        );
        if (holds)
          for (const [key, value] of sets)
            entries.set(key.join("\n"), {
              value: structuredClone(value),
              versionstamp: `${(version += 1)}`,
            });
        return { ok: holds };
      },
    };
  }
  const kv = { get, atomic: () => atomic() };
  return {
    open: () => {
      const storage = createStorage();
      return {
        ...storage,
        getMount: () => ({ driver: { name: "deno-kv", getInstance: async () => kv } }),
      } as never;
    },
    dispose: async () => {},
  };
}
