// Any other driver: write, wait, read back. Two that write within the wait see who was last; nothing rules out more than that.
import type { Clock } from "../../contract/clock.ts";
import type { StateStorage } from "../store/storage.ts";
import type { LockKind } from "./driver.ts";
import { isFields } from "../records/record-kinds.ts";
import { readItem } from "../store/storage.ts";

/** Longer than a write usually takes to be seen, ms. */
const WAIT = 250;

export function createBestEffortLocks(
  storage: StateStorage,
  prefix: string,
  clock: Clock,
): LockKind {
  const keyOf = (name: string): string => `${prefix}${name}`;

  async function read(name: string): Promise<{ owner: string; generation: number; until: number }> {
    const value = await readItem(storage, keyOf(name));
    const { owner = "", generation = 0, until = 0 } = isFields(value) ? value : {};
    return { owner: String(owner), generation: Number(generation), until: Number(until) };
  }

  function write(name: string, owner: string, generation: number, until: number): Promise<void> {
    return storage.setItem(keyOf(name), { v: 1, kind: "lease", owner, generation, until });
  }

  return {
    tier: "best-effort",
    async take(name, owner, ttl) {
      const known = await read(name);
      if (known.until > clock.now()) return 0;
      const generation = known.generation + 1;
      await write(name, owner, generation, clock.now() + ttl);
      await new Promise<void>((resolve) => void clock.after(WAIT, resolve));
      const seen = await read(name);
      return seen.owner === owner && seen.generation === generation ? generation : 0;
    },
    async release(name, owner, generation) {
      const known = await read(name);
      if (known.owner === owner && known.generation === generation)
        await write(name, owner, generation, 0);
    },
    time: async () => clock.now(),
  };
}
