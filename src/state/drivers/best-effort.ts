// Any other driver, with plain values only. Lock: write, wait, read back. Two instances that write within the wait see which
// wrote last; a write that takes longer is not excluded.
import type { Clock } from "../../contract/clock.ts";
import { isFields } from "../../shared/json.ts";
import { wallTime } from "../../shared/times.ts";
import { pause } from "../../shared/wait.ts";
import { readItem, type StateStorage } from "../store/storage.ts";
import { isHeldUntil, type LockKind, nextGeneration } from "./driver.ts";

/** Longer than a write usually takes to become visible, ms. */
const WAIT = 250;

export function createBestEffortLocks(
  storage: StateStorage,
  prefix: string,
  clock: Clock,
): LockKind {
  const keyOf = (name: string): string => `${prefix}${name}`;

  async function read(
    name: string,
  ): Promise<{ owner: unknown; generation: unknown; until: unknown }> {
    const value = await readItem(storage, keyOf(name));
    const { owner, generation, until } = isFields(value) ? value : {};
    return { owner, generation, until };
  }

  function write(name: string, owner: string, generation: number, until: number): Promise<void> {
    return storage.setItem(keyOf(name), { v: 1, kind: "lease", owner, generation, until });
  }

  return {
    tier: "best-effort",
    async take(name, owner, ttl) {
      const before = await read(name);
      if (isHeldUntil(before.until, wallTime(clock))) return 0;
      const generation = nextGeneration(before.generation, wallTime(clock));
      await write(name, owner, generation, wallTime(clock) + ttl);
      await pause(WAIT, clock).promise;
      const after = await read(name);
      return after.owner === owner && after.generation === generation ? generation : 0;
    },
    async release(name, owner, generation) {
      const held = await read(name);
      if (held.owner === owner && held.generation === generation)
        await write(name, owner, generation, 0);
    },
    time: async () => wallTime(clock),
  };
}
