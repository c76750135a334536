import { describe, expect, it } from "vitest";
import { Bag, type Bagged } from "../../src/shared/bag.ts";

class One implements Bagged {
  place = -1;
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

const [a, b, c] = ["a", "b", "c"].map((name) => new One(name)) as [One, One, One];

function filled(): Bag<One> {
  const bag = new Bag<One>();
  for (const one of [a, b, c]) bag.add(one);
  return bag;
}

const names = (bag: Bag<One>): string[] => Array.from(bag, ({ name }) => name).toSorted();

describe("a bag", () => {
  it.each([
    ["first", a, ["b", "c"]],
    ["one in the middle", b, ["a", "c"]],
    ["last", c, ["a", "b"]],
  ])("removes the %s and keeps the others", (_, one, left) => {
    const bag = filled();
    bag.delete(one);
    expect(names(bag)).toEqual(left);
    expect(bag.size).toBe(2);
  });

  it("is empty after all were removed, in any order, and accepts them again", () => {
    for (const order of [
      [a, b, c],
      [c, b, a],
      [b, a, c],
      [b, c, a],
    ]) {
      const bag = filled();
      for (const one of order) bag.delete(one);
      expect(bag.size).toBe(0);
      bag.add(b);
      expect(names(bag)).toEqual(["b"]);
    }
  });

  it("loses no member where one is removed twice, or was never in it", () => {
    const bag = filled();
    bag.delete(a);
    bag.delete(a);
    bag.delete(new One("stranger"));
    expect(names(bag)).toEqual(["b", "c"]);
  });

  it("may lose members during an iteration: all initial ones are visited once", () => {
    const bag = filled();
    const met: string[] = [];
    for (const one of bag) {
      met.push(one.name);
      bag.delete(one);
    }
    expect(met).toEqual(["a", "b", "c"]);
    expect(bag.size).toBe(0);
  });
});
