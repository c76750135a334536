import { expect, it } from "vitest";
import { createSemaphore } from "../../src/shared/semaphore.ts";
import { turns } from "../state/storages.ts";

it("runs at most the given number of jobs at once, all of them, in order, whatever fails", async () => {
  const gate = createSemaphore(3);
  const started: number[] = [];
  let running = 0;
  let most = 0;
  const job = async (i: number): Promise<void> => {
    started.push(i);
    most = Math.max(most, ++running);
    await turns(i % 3);
    running--;
    if (i % 4 === 0) throw new Error("one of four");
  };
  const all = Array.from({ length: 20 }, (_, i) => gate.run(() => job(i)));
  expect(started).toEqual([0, 1, 2]);
  const settled = await Promise.allSettled(all);
  expect(settled.filter(({ status }) => status === "rejected")).toHaveLength(5);
  expect(started).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(most).toBe(3);
});
