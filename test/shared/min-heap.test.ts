import fc from "fast-check";
import { expect, it } from "vitest";
import { MinHeap } from "../../src/shared/min-heap.ts";

const opArb = fc.record({
  what: fc.constantFrom("set", "set", "set", "delete", "pop"),
  member: fc.nat(30),
  time: fc.nat(1_000),
});

it("D4 returns the earliest first, each member once, whatever was moved or removed before", () => {
  fc.assert(
    fc.property(fc.array(opArb, { maxLength: 150, size: "max" }), (ops) => {
      const deadlines = new MinHeap<number>();
      const model = new Map<number, number>();
      for (const { what, member, time } of ops) {
        if (what === "set") {
          deadlines.set(member, time);
          model.set(member, time);
        } else if (what === "delete") {
          deadlines.delete(member);
          model.delete(member);
        } else if (model.size > 0) {
          const at = deadlines.earliest;
          const popped = deadlines.pop();
          expect(model.get(popped)).toBe(at);
          model.delete(popped);
        }
        expect(deadlines.earliest).toBe(Math.min(...model.values()));
        expect(deadlines.size).toBe(model.size);
        expect(deadlines.timeOf(member)).toBe(model.get(member) ?? 0);
      }
      const times: number[] = [];
      for (; deadlines.size > 0; deadlines.pop()) times.push(deadlines.earliest);
      expect(times).toEqual([...model.values()].toSorted((a, b) => a - b));
    }),
    { numRuns: 300, seed: 4 },
  );
});

it("A15 finds the least value over its entries without examining later ones", () => {
  const deadlines = new MinHeap<number>();
  for (let member = 0; member < 10_000; member++)
    deadlines.set(member, 1_000 + ((member * 7_919) % 10_000));
  let looks = 0;
  const value = (member: number, time: number): number => (
    looks++,
    member % 2 === 0 ? time + 50 : Infinity
  );
  const least = deadlines.least(value, Infinity);
  const expected = Math.min(
    ...Array.from({ length: 5_000 }, (_, at) => 1_050 + ((2 * at * 7_919) % 10_000)),
  );
  expect(least).toBe(expected);
  expect(looks).toBeLessThan(200);
});

it("keeps the best value so far where no entry is below it", () => {
  const deadlines = new MinHeap<string>();
  deadlines.set("late", 500);
  expect(deadlines.least(() => 500, 100)).toBe(100);
});
