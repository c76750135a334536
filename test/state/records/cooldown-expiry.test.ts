import { createStorage } from "unstorage";
import { expect, it } from "vitest";
import { HOUR, NOW, cooldown, createBench } from "../fixtures.ts";
import { createFailing, turns, wrapStorage } from "../storages.ts";

it("K11 removes cooldowns at run time once their backoff no longer counts", async () => {
  const storage = createStorage();
  const { state, clock } = createBench({ storage });
  for (let i = 0; i < 100; i++) state.putCooldown(cooldown(`c${i}`, { until: NOW + i * 1000 }));
  state.putCooldown(cooldown("long", { until: NOW + 10 * HOUR }));
  await state.flush();
  expect(await storage.getKeys()).toHaveLength(101);
  await clock.advance(3 * HOUR);
  expect(await storage.getKeys()).toHaveLength(1);
  await clock.advance(12 * HOUR);
  expect(await storage.getKeys()).toHaveLength(0);
  expect(clock.pending()).toBe(0);
});

it("K11 does not remove a cooldown that another instance has extended since", async () => {
  const storage = createStorage();
  const [a, b] = [createBench({ storage }), createBench({ storage })];
  a.state.putCooldown(cooldown("x", { until: NOW + 1000 }));
  await a.state.flush();
  b.state.putCooldown(cooldown("x", { until: NOW + 20 * HOUR }));
  await b.state.flush();
  await a.clock.advance(5 * HOUR);
  expect(await storage.getKeys()).toHaveLength(1);
});

it("keeps a record that is put while the expired one under its key is being removed", async () => {
  const { storage, inner } = createFailing();
  const first = createBench({ storage });
  first.state.putCooldown(cooldown("a", { until: NOW }));
  await first.state.flush();

  const { state } = createBench({ storage, at: NOW + 3 * HOUR });
  // Its key is cached beforehand, so that the put below falls into the removal.
  state.putCooldown(cooldown("a", { until: NOW }));
  await state.flush();
  await state.load();
  state.putCooldown(cooldown("a", { until: NOW + 9 * HOUR }));
  await state.flush();
  const loaded = await createBench({ storage: inner, at: NOW + 3 * HOUR }).state.load();
  expect(loaded.cooldowns).toEqual([cooldown("a", { until: NOW + 9 * HOUR })]);
});

it("removes nothing while a write of its key is under way", async () => {
  const inner = createStorage();
  const first = createBench({ storage: inner });
  first.state.putCooldown(cooldown("a", { until: NOW }));
  await first.state.flush();

  const storage = wrapStorage(inner, async (method, _key, run) => {
    await turns(method === "setItem" ? 5 : method === "removeItem" ? 20 : 0);
    return run();
  });
  const { state } = createBench({ storage, at: NOW + 3 * HOUR });
  state.putCooldown(cooldown("a", { until: NOW }));
  await state.flush();
  state.putCooldown(cooldown("a", { until: NOW + 9 * HOUR }));
  await state.load();
  await state.flush();
  await turns(30);
  expect(await inner.getKeys("relay:c")).toHaveLength(1);
});

it("keeps nothing beyond the process without a store", async () => {
  const { state, clock } = createBench();
  expect(state.health()).toMatchObject({ driver: "memory", loaded: false });
  state.putCooldown(cooldown("a"));
  await state.flush();
  expect((await state.load()).cooldowns).toEqual([cooldown("a")]);
  expect((await createBench().state.load()).cooldowns).toEqual([]);
  await clock.advance(10 * HOUR);
  expect((await state.load()).cooldowns).toEqual([]);
});
