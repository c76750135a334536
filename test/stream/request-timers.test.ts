import fc from "fast-check";
import { expect, it } from "vitest";
import { RequestTimers } from "../../src/stream/request-timers.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const NAMES = ["connect", "firstByte", "idle", "heartbeat", "deadline"] as const;

it("fires each timer once, at its time, however often it was moved", async () => {
  const move = fc.tuple(
    fc.constantFrom(...NAMES),
    fc.nat(200),
    fc.constantFrom("set", "move", "clear"),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(30), move), { maxLength: 25 }), async (steps) => {
      const clock = createVirtualClock(0);
      const timers = new RequestTimers(clock);
      const due = new Map<string, number>();
      const rung: string[] = [];
      const expected: string[] = [];
      const isSet = new Set<string>();
      const pass = async (ms: number): Promise<void> => {
        const until = clock.now() + ms;
        await clock.advance(ms);
        for (const [name, at] of due) {
          if (at > until) continue;
          expected.push(`${name}@${at}`);
          due.delete(name);
          isSet.delete(name);
        }
      };
      for (const [wait, [name, delay, how]] of steps) {
        await pass(wait);
        const at = clock.now() + 1 + delay;
        if (how === "clear") {
          timers.clear(name);
          due.delete(name);
          isSet.delete(name);
        } else if (how === "set") {
          timers.set(name, at, () => rung.push(`${name}@${clock.now()}`));
          isSet.add(name);
          due.set(name, at);
        } else if (isSet.has(name)) {
          timers.move(name, at);
          due.set(name, at);
        }
        expect(timers.dueAt(name)).toBe(due.get(name) ?? Infinity);
        expect(clock.pending()).toBeLessThanOrEqual(1);
      }
      await pass(1_000);
      expect(rung.toSorted()).toEqual(expected.toSorted());
      expect(clock.pending()).toBe(0);
    }),
    { seed: 20_26, numRuns: 150 },
  );
});

it("leaves nothing on the clock when it is stopped, also from inside a timer", async () => {
  const clock = createVirtualClock(0);
  const timers = new RequestTimers(clock);
  const rung: string[] = [];
  timers.set("idle", 10, () => (rung.push("idle"), timers.stop()));
  timers.set("deadline", 10, () => rung.push("deadline"));
  timers.set("total", 20, () => rung.push("total"));
  await clock.advance(50);
  expect(rung).toEqual(["idle"]);
  expect(clock.pending()).toBe(0);
});

it("can be set again from inside itself", async () => {
  const clock = createVirtualClock(0);
  const timers = new RequestTimers(clock);
  const rung: number[] = [];
  const beat = (): void => {
    rung.push(clock.now());
    timers.set("heartbeat", clock.now() + 10, beat);
  };
  timers.set("heartbeat", 10, beat);
  await clock.advance(35);
  expect(rung).toEqual([10, 20, 30]);
});
