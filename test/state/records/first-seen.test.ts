import { expect, it } from "vitest";
import { HOUR, NOW, cooldown, createBench } from "../fixtures.ts";
import { memoryPlace } from "../storages.ts";

async function loadedAt(
  at: number,
  written: { until: number; writtenAt: number },
): Promise<number> {
  const storage = memoryPlace().open();
  const writer = createBench({ storage });
  writer.state.putCooldown(cooldown("a", written));
  await writer.state.flush();
  const { state } = createBench({ storage, at });
  const [record] = (await state.load()).cooldowns;
  return record?.until ?? 0;
}

it("K12 locks no longer than the writer meant although the writer's clock is an hour ahead", async () => {
  const writtenAt = NOW + HOUR;
  expect(await loadedAt(NOW, { writtenAt, until: writtenAt + 60_000 })).toBe(NOW + 60_000);
});

it("K12 does not unlock early when the writer's clock is right", async () => {
  const written = { writtenAt: NOW, until: NOW + 5 * HOUR };
  expect(await loadedAt(NOW + HOUR, written)).toBe(NOW + 5 * HOUR);
});

it("K12 unlocks a key that a writer with a clock ahead has unlocked", async () => {
  const written = { writtenAt: NOW + HOUR, until: NOW + HOUR - 1 };
  expect(await loadedAt(NOW, written)).toBeLessThanOrEqual(NOW);
});

it("K12 counts from the first sight, not from each read", async () => {
  const storage = memoryPlace().open();
  const writer = createBench({ storage });
  writer.state.putCooldown(cooldown("a", { writtenAt: NOW + 9 * HOUR, until: NOW + 10 * HOUR }));
  await writer.state.flush();
  const { state, clock } = createBench({ storage });
  const untils: (number | undefined)[] = [];
  for (let look = 0; look < 3; look++) {
    untils.push((await state.load()).cooldowns[0]?.until);
    await clock.advance(HOUR / 2);
  }
  expect(untils).toEqual([NOW + HOUR, NOW + HOUR, NOW + HOUR]);
});
