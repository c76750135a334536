import { expect, it } from "vitest";
import { ClosedSet } from "../../src/pool/closed-set.ts";
import { NOW } from "./fixtures.ts";

it("A15 keeps a set of the open members once many are closed, through closing, opening and time", () => {
  const closed = new ClosedSet(1_000);
  for (let member = 0; member < 200; member++) closed.set(member, NOW + member);
  closed.set(500, NOW + 500);
  closed.set(7, 0);
  closed.wake(NOW + 100);
  const open = Array.from({ length: 1_000 }, (_, member) => member).filter((it) =>
    closed.open?.has(it),
  );
  expect(open).toEqual(
    Array.from({ length: 1_000 }, (_, member) => member).filter((it) => !closed.has(it)),
  );
  expect(open).toHaveLength(1_000 - 100);
});

it("K11 keeps no such set while few are closed", () => {
  const closed = new ClosedSet(1_000);
  for (let member = 0; member < 20; member++) closed.set(member, NOW);
  expect(closed.open).toBeUndefined();
  for (let member = 0; member < 100; member++) closed.set(member, NOW);
  expect(closed.open).toBeDefined();
  closed.wake(NOW);
  expect([closed.open, closed.count]).toEqual([undefined, 0]);
});
