import { expect, it } from "vitest";
import { preparedOn } from "../../src/hosts/serve-node.ts";

it("N8 reads what stands on a response, but for lists: those Node adds by itself, and would halve where they are written too", () => {
  const headers = {
    "x-app": "mine",
    "content-length": 7,
    "x-gone": undefined,
    "set-cookie": ["a=1", "b=2"],
  };
  expect(preparedOn({ getHeaders: () => headers })).toEqual([
    ["x-app", "mine"],
    ["content-length", "7"],
  ]);
  expect(preparedOn({ getHeaders: () => ({}) })).toEqual([]);
});
