import { expect, it } from "vitest";
import type { Storage } from "unstorage";
import type { StateStorage } from "../../src/state/store/storage.ts";
import { stateContract } from "./contract.ts";
import { HOUR, NOW, cooldown, createBench } from "./fixtures.ts";
import { memoryPlace, underTest, wrapStorage } from "./storages.ts";

// Lists a key only from the second listing on, as an eventually consistent store may.
function createLate(storage: Storage, listed: Set<string>): StateStorage {
  return wrapStorage(storage, async (method, _key, run) => {
    const answer = await run();
    if (method !== "getKeys") return answer;
    const keys = answer as string[];
    const late = keys.filter((key) => listed.has(key));
    for (const key of keys) listed.add(key);
    return late;
  });
}

// The suite's own reads come after the listing has caught up.
stateContract("a store that lists late", () => {
  const listed = new Set<string>();
  return underTest(memoryPlace(), (storage) => {
    const late = createLate(storage, listed);
    const getKeys = async (base?: string): Promise<string[]> => {
      await late.getKeys(base);
      return late.getKeys(base);
    };
    return { ...late, getKeys };
  });
});

it("K2 loses no record under a key that the store does not list yet", async () => {
  const { open } = memoryPlace();
  const storage = createLate(open(), new Set());
  const first = createBench({ storage });
  first.state.putCooldown(cooldown("a", { until: NOW + 2 * HOUR }));
  await first.state.flush();

  const second = createBench({ storage });
  expect((await second.state.load()).cooldowns).toEqual([]);
  second.state.putCooldown(cooldown("a", { until: NOW + HOUR }));
  await second.state.flush();
  expect((await second.state.load()).cooldowns).toEqual([cooldown("a", { until: NOW + 2 * HOUR })]);
});
