import fc from "fast-check";
import { expect, it } from "vitest";
import { BitSet, nextInAll } from "../../src/shared/bitset.ts";

const SIZES = [0, 1, 31, 32, 33, 64, 1_023, 1_024, 1_025, 3_000, 33_000];
const RUNS = { numRuns: 150, seed: 15 };

function setOf(size: number, members: Iterable<number>): BitSet {
  const bits = new BitSet(size);
  for (const member of members) bits.add(member);
  return bits;
}

it("A15 finds the next member as a sorted list does, through adding and removing", () => {
  const ops = fc.array(fc.tuple(fc.boolean(), fc.nat(40_000)), { maxLength: 200 });
  fc.assert(
    fc.property(fc.constantFrom(...SIZES.slice(1)), ops, (size, changes) => {
      const bits = new BitSet(size);
      const model = new Set<number>();
      for (const [isIn, number] of changes) {
        const at = number % size;
        bits.put(at, isIn);
        if (isIn) model.add(at);
        else model.delete(at);
      }
      const sorted = [...model].toSorted((a, b) => a - b);
      for (const from of [0, size >> 1, size - 1, ...sorted, ...sorted.map((at) => at + 1)]) {
        expect(bits.next(from)).toBe(sorted.find((at) => at >= from) ?? -1);
        if (from < size) expect(bits.has(from)).toBe(model.has(from));
      }
    }),
    RUNS,
  );
});

it("starts full on request, and has no member beyond its size", () => {
  for (const size of SIZES) {
    const bits = BitSet.full(size);
    const members: number[] = [];
    for (let at = bits.next(0); at >= 0; at = bits.next(at + 1)) members.push(at);
    expect(members).toEqual(Array.from({ length: size }, (_, at) => at));
    for (const at of members) bits.remove(at);
    expect(bits.next(0)).toBe(-1);
  }
});

it("A15 finds the next number that several sets share", () => {
  const members = fc.array(fc.nat(2_999), { maxLength: 400 });
  fc.assert(
    fc.property(
      members,
      members,
      fc.array(fc.nat(2_999), { minLength: 200, maxLength: 400 }),
      (a, b, common) => {
        const sets = [
          setOf(3_000, [...a, ...common]),
          setOf(3_000, [...b, ...common]),
          BitSet.full(3_000),
        ];
        const shared = Array.from({ length: 3_000 }, (_, at) => at).filter((at) =>
          sets.every((set) => set.has(at)),
        );
        const found: number[] = [];
        for (let at = nextInAll(sets, 0); at >= 0; at = nextInAll(sets, at + 1)) found.push(at);
        expect(found).toEqual(shared);
      },
    ),
    RUNS,
  );
});

it("finds nothing in sets without a common member, and in empty sets", () => {
  expect(nextInAll([setOf(100, [1, 40]), setOf(100, [2, 41])], 0)).toBe(-1);
  expect(nextInAll([new BitSet(0), new BitSet(0)], 0)).toBe(-1);
  expect(nextInAll([BitSet.full(32)], 32)).toBe(-1);
});
