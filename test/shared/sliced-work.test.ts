import { expect, it } from "vitest";
import { runSliced } from "../../src/shared/sliced-work.ts";

/** A task of so many parts; the log shows whose part ran in which turn. */
function task(name: string, parts: number, log: string[]): { step(): boolean } {
  let left = parts;
  return {
    step() {
      log.push(name);
      return --left === 0;
    },
  };
}

it("N4 a short task is done at once, and one slice of all tasks runs in a turn", async () => {
  await new Promise((resolve) => setTimeout(resolve, 0));
  const log: string[] = [];
  expect(runSliced(task("short", 3, log))).toBeUndefined();
  const long = [runSliced(task("a", 100, log)), runSliced(task("b", 100, log))];
  expect(log).toEqual(["short", "short", "short"]);
  let turns = 0;
  let longest = 0;
  let isOver = false;
  void Promise.all(long).then(() => (isOver = true));
  for (let before = log.length; !isOver; before = log.length) {
    await new Promise((resolve) => setImmediate(resolve));
    longest = Math.max(longest, log.length - before);
    turns++;
  }
  expect(log).toHaveLength(203);
  expect(longest).toBeLessThanOrEqual(32);
  expect(turns).toBeGreaterThan(6);
  // They take turns.
  expect(log.indexOf("b")).toBeLessThan(log.lastIndexOf("a"));
});
