import { expect, it } from "vitest";
import { RetryBudget } from "../../src/policies/retry-budget.ts";

it("E14 allows three retries to a quiet relay, and a fifth of the requests to a busy one", () => {
  const budget = new RetryBudget();
  const taken = Array.from({ length: 4 }, () => budget.take());
  expect(taken.map((one) => one !== undefined)).toEqual([true, true, true, false]);
  for (let count = 0; count < 50; count++) budget.enter();
  const more = Array.from({ length: 8 }, () => budget.take());
  expect(more.filter((one) => one !== undefined)).toHaveLength(7);
  expect(budget.retries).toBe(10);
});

it("E14 takes a retry back once, however often it is returned", () => {
  const budget = new RetryBudget();
  const giveBack = budget.take()!;
  giveBack();
  giveBack();
  expect(budget.retries).toBe(0);
});
