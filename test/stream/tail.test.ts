import fc from "fast-check";
import { expect, it } from "vitest";
import { Tail } from "../../src/stream/body/tail.ts";

it("N4 I17 a tail has the last bytes of a body, in whatever pieces it arrives", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 });
  fc.assert(
    fc.property(pieces, (chunks) => {
      const tail = new Tail(16);
      for (const chunk of chunks) tail.add(chunk);
      const all = chunks.flatMap((chunk) => [...chunk]);
      const found = [...tail.bytes()];
      expect(found.length).toBeGreaterThanOrEqual(Math.min(16, all.length));
      expect(found).toEqual(found.length === 0 ? [] : all.slice(-found.length));
    }),
    { seed: 3, numRuns: 500 },
  );
});

it("N4 a tail of a million pieces keeps one buffer", () => {
  const tail = new Tail(4_096);
  tail.add(new Uint8Array([1]));
  const { buffer } = tail.bytes();
  for (let nth = 0; nth < 1_000_000; nth++) tail.add(new Uint8Array([nth & 255]));
  expect(tail.bytes().buffer.byteLength).toBeLessThanOrEqual(8_192);
  expect(buffer.byteLength).toBeLessThanOrEqual(8_192);
});
