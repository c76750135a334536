import { expect, it } from "vitest";
import { toOptions } from "../../adapters/runtime/nitro.ts";

const storage = { is: "the app's" };

it("K14 L2 takes data from runtimeConfig and puts the config file's code over it, group by group", () => {
  const options = toOptions(
    { route: "/ai", upstream: { baseURL: "https://a", dialect: "openai" }, limits: { queue: 5 } },
    () => ({ credentials: [{ id: "a", apiKey: "k" }], limits: { maxWait: 1 } }),
    storage,
  );
  expect(options).toEqual({
    storage,
    upstream: { baseURL: "https://a", dialect: "openai" },
    limits: { queue: 5, maxWait: 1 },
    credentials: [{ id: "a", apiKey: "k" }],
  });
});

it("L2 takes either alone, and a storage of the file's own", () => {
  expect(toOptions(undefined, { storage: undefined, tiers: ["a"] }, storage)).toEqual({
    storage: undefined,
    tiers: ["a"],
  });
  expect(toOptions({ base: "x" }, undefined, storage)).toEqual({ base: "x", storage });
});
