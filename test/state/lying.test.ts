import { expect, it } from "vitest";
import { stateContract } from "./contract.ts";
import { HOUR, NOW, cooldown, createBench } from "./fixtures.ts";
import { memoryPlace, underTest, wrapStorage } from "./storages.ts";

// A value that another process writes in place is torn at the first read and complete at the second.
stateContract("a store that is read in mid-write", () =>
  underTest(memoryPlace(), (storage) => {
    const seen = new Set<string>();
    return wrapStorage(storage, async (method, key, run) => {
      const value = await run();
      if (method === "getItem" && value !== null && !seen.has(key)) {
        seen.add(key);
        return JSON.stringify(value).slice(0, 30);
      }
      return value;
    });
  }),
);

it("K3 reads a broken record twice before it counts as broken", async () => {
  const place = memoryPlace();
  const writer = createBench({ storage: place.open() });
  writer.state.putCooldown(cooldown("a"));
  await writer.state.flush();

  const torn = wrapStorage(place.open(), async (method, _key, run) => {
    const answer = await run();
    if (method !== "getItems") return answer;
    return (answer as { key: string }[]).map(({ key }) => ({ key, value: "" }));
  });
  const { state } = createBench({ storage: torn });
  expect((await state.load()).cooldowns).toEqual([cooldown("a")]);
  expect(state.health().setAside).toEqual([]);
});

it("skips keys under its base that are not its own", async () => {
  const storage = memoryPlace().open();
  for (const key of ["relay:c:short", "relay:x:y", "relay", "relayed:c:1", "other"]) {
    await storage.setItem(key, "not ours");
  }
  const { state } = createBench({ storage });
  expect(await state.load()).toEqual({ cooldowns: [], marks: [], credentials: [] });
  expect(state.health().setAside).toEqual([]);
});

it("refuses to store a record that it would not accept itself", async () => {
  const storage = memoryPlace().open();
  const { state, lines } = createBench({ storage });
  state.putCooldown(cooldown("a", { until: Number.NaN }));
  state.putCooldown(cooldown(""));
  await state.close();
  expect(await storage.getKeys()).toEqual([]);
  expect(lines.filter((line) => line.startsWith("error"))).toHaveLength(2);
});

it("K12 stores a cooldown without an end with the last time that a `Date` can hold, and reads it as 24 h", async () => {
  const storage = memoryPlace().open();
  const { state } = createBench({ storage });
  state.putCooldown(cooldown("a", { until: Number.POSITIVE_INFINITY }));
  await state.flush();
  const [key] = await storage.getKeys();
  expect(JSON.stringify(await storage.getItem(key!))).toContain("8640000000000000");
  const [loaded] = (await createBench({ storage, at: NOW + HOUR }).state.load()).cooldowns;
  expect(loaded?.until).toBe(loaded!.writtenAt + 24 * HOUR);
});
