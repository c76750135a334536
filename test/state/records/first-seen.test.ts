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

it("K12 C4 a flipped digit of a stored end locks a key for no more than 24 h, and a probe follows", async () => {
  const storage = memoryPlace().open();
  const writer = createBench({ storage });
  const until = NOW + 60_000;
  writer.state.putCooldown(cooldown("a", { until, stated: true }));
  await writer.state.flush();
  const [key] = (await storage.getKeys()).filter((it) => it.includes(":c:") || /:c[:-]/.test(it));
  const stored = (await storage.getItem(key!)) as Record<string, unknown>;
  const digits = `${until}`;
  for (let at = 0; at < digits.length; at++)
    for (let digit = at === 0 ? 1 : 0; digit <= 9; digit++) {
      const flipped = Number(`${digits.slice(0, at)}${digit}${digits.slice(at + 1)}`);
      await storage.setItem(key!, { ...stored, until: flipped } as never);
      const { state } = createBench({ storage });
      const [read] = (await state.load()).cooldowns;
      expect(read?.until ?? 0).toBeLessThanOrEqual(NOW + 24 * HOUR);
      if (flipped > NOW + 24 * HOUR) expect(read).toMatchObject({ stated: false });
      if (read && read.until > NOW && flipped <= NOW + 24 * HOUR) expect(read.until).toBe(flipped);
    }
});
