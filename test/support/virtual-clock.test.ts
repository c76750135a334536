import { expect, it } from "vitest";
import { createVirtualClock } from "./virtual-clock.ts";

it("runs timers in order of time, then of creation, each at its own moment", async () => {
  const clock = createVirtualClock(1000);
  const seen: string[] = [];
  clock.after(20, () => seen.push(`b@${clock.now()}`));
  clock.after(10, () => seen.push(`a@${clock.now()}`));
  clock.after(20, () => seen.push(`c@${clock.now()}`));
  await clock.advance(19);
  expect(seen).toEqual(["a@1010"]);
  await clock.advance(1);
  expect(seen).toEqual(["a@1010", "b@1020", "c@1020"]);
  expect(clock.now()).toBe(1020);
});

it("runs a timer that another one created after awaiting", async () => {
  const clock = createVirtualClock(0);
  const seen: number[] = [];
  const tick = async (): Promise<void> => {
    seen.push(clock.now());
    await Promise.resolve();
    if (seen.length < 3) clock.after(100, () => void tick());
  };
  clock.after(100, () => void tick());
  await clock.advance(1000);
  expect(seen).toEqual([100, 200, 300]);
  expect(clock.pending()).toBe(0);
});

it("drops a cancelled timer, also one cancelled at the same moment", async () => {
  const clock = createVirtualClock(0);
  const seen: string[] = [];
  const cancel = clock.after(10, () => seen.push("cancelled"));
  cancel();
  clock.after(20, () => cancelLater());
  const cancelLater = clock.after(20, () => seen.push("late"));
  await clock.advance(50);
  expect(seen).toEqual([]);
});
