import { expect, it } from "vitest";
import { setBounded } from "../../src/shared/bounded-map.ts";

it("removes the entry that was added first for a new key beyond the limit", () => {
  const map = new Map<string, number>();
  for (const [value, key] of ["a", "b", "c"].entries()) setBounded(map, key, value, 2);
  expect([...map]).toEqual([
    ["b", 1],
    ["c", 2],
  ]);
});

it("removes nothing when a key is set again", () => {
  const map = new Map([
    ["a", 1],
    ["b", 2],
  ]);
  expect(setBounded(map, "a", 3, 2)).toBe(3);
  expect([...map]).toEqual([
    ["a", 3],
    ["b", 2],
  ]);
});
