import { describe, expect, it } from "vitest";
import { fuzz, type Protocol } from "./fuzz.ts";

describe("requests that keep no rule", () => {
  it.each<[Protocol, number]>([
    ["HTTP/1", 11],
    ["HTTP/2", 12],
  ])(
    "I4 L11 N4 leave nothing open over %s",
    async (protocol, seed) => {
      const { requests, calls } = await fuzz(protocol, 800, seed);
      // Most requests are whole and reach the upstream.
      expect(calls).toBeGreaterThan(requests / 10);
    },
    120_000,
  );
});
