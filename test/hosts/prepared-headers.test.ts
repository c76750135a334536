import { expect, it } from "vitest";
import { preparedOn } from "../../src/hosts/serve-node.ts";

it("N8 reads the headers of a response except lists, which Node adds itself and would shorten if they were written as well", () => {
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
