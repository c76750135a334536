import { expect, it } from "vitest";
import { stateContract } from "./contract.ts";
import { HOUR, NOW, cooldown, createBench } from "./fixtures.ts";
import { createFailing, memoryPlace, turns, underTest, wrapStorage } from "./storages.ts";

stateContract("a slow store whose calls overtake each other", () =>
  underTest(memoryPlace(), (storage) => {
    let call = 0;
    return wrapStorage(storage, async (_method, _key, run) => {
      await turns((call++ * 7) % 5);
      const answer = await run();
      await turns((call * 3) % 4);
      return answer;
    });
  }),
);

it("K4 writes one key once at a time, so that a late write never wins over a newer one", async () => {
  const { inner } = createFailing();
  let underWay = 0;
  let most = 0;
  const written: unknown[] = [];
  const delays = [0, 40, 5, 1];
  const storage = wrapStorage(inner, async (method, _key, run) => {
    if (method !== "setItem") return run();
    most = Math.max(most, ++underWay);
    await turns(delays[written.length] ?? 0);
    const answer = await run();
    written.push(answer);
    underWay--;
    return answer;
  });
  const { state } = createBench({ storage });
  state.putCooldown(cooldown("a", { until: NOW }));
  await state.flush();
  for (let hour = 1; hour <= 4; hour++) {
    state.putCooldown(cooldown("a", { until: NOW + hour * HOUR }));
    await turns(3);
  }
  await state.flush();
  expect(most).toBe(1);
  expect(written).toHaveLength(3);
  expect((await createBench({ storage }).state.load()).cooldowns).toEqual([
    cooldown("a", { until: NOW + 4 * HOUR }),
  ]);
});

it("starts a write in the same turn once the key is known", async () => {
  const { storage, calls } = createFailing();
  const { state } = createBench({ storage });
  state.putCooldown(cooldown("a"));
  await state.flush();
  const before = calls.get("getItem") ?? 0;
  state.putCooldown(cooldown("a", { until: NOW + 6 * HOUR }));
  expect(calls.get("getItem")).toBe(before + 1);
  await state.flush();
});

it("K16 K19 closes though the store never answers, once a call has had its time", async () => {
  const { inner } = createFailing();
  const storage = wrapStorage(inner, () => new Promise(() => {}));
  const { state, clock } = createBench({ storage, hangs: true });
  state.putCooldown(cooldown("a"));
  let closed = false;
  const closing = state.close().then(() => (closed = true));
  await clock.advance(1_000);
  expect(closed).toBe(false);
  for (let second = 0; second < 10 && !closed; second++) await clock.advance(500);
  await closing;
  expect(clock.pending()).toBe(0);
});
