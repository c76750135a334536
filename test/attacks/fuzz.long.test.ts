import { describe, expect, it } from "vitest";
import { fuzz, type Protocol } from "./fuzz.ts";

const COUNT = 25_000;

describe("requests that keep no rule, for long", () => {
  it.each<[Protocol, number]>([
    ["HTTP/1", 21],
    ["HTTP/2", 22],
  ])(
    "I4 L11 N4 leave nothing open over %s",
    async (protocol, seed) => {
      const { requests, calls } = await fuzz(protocol, COUNT, seed);
      process.stdout.write(`${protocol}: ${requests} requests, ${calls} calls, nothing left\n`);
      expect(calls).toBeGreaterThan(requests / 10);
    },
    1_200_000,
  );
});
