import fc from "fast-check";
import { expect, it } from "vitest";
import { ByteCollector } from "../../src/shared/byte-collector.ts";

it("N4 collects the bytes of all pieces, whatever size was announced", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 20 });
  fc.assert(
    fc.property(pieces, fc.nat(40_000), (chunks, expected) => {
      const collector = new ByteCollector(expected);
      const copies = chunks.map((chunk) => chunk.slice());
      for (const chunk of chunks) collector.add(chunk);
      const all = chunks.flatMap((chunk) => [...chunk]);
      expect(collector.length).toBe(all.length);
      expect([...collector.bytes()]).toEqual(all);
      expect(chunks).toEqual(copies);
    }),
    { seed: 8, numRuns: 200 },
  );
});

it("N4 a single piece is not copied", () => {
  const piece = new Uint8Array([1, 2, 3]);
  const collector = new ByteCollector();
  collector.add(new Uint8Array(0));
  collector.add(piece);
  expect(collector.bytes()).toBe(piece);
});

it("N4 a million pieces of one byte are copied a few times only", () => {
  const collector = new ByteCollector();
  const buffers = new Set<ArrayBufferLike>();
  for (let nth = 0; nth < 1_000_000; nth++) {
    collector.add(new Uint8Array([nth & 255]));
    buffers.add(collector.bytes().buffer);
  }
  // Each twice as large as the one before.
  expect(buffers.size).toBeLessThan(16);
  expect(collector.length).toBe(1_000_000);
  expect(collector.bytes().buffer.byteLength).toBeLessThan(2_200_000);
  collector.drop();
  expect(collector.bytes().buffer.byteLength).toBe(0);
});

it("N4 an announcement alone takes no memory", () => {
  const collector = new ByteCollector(32 << 20);
  for (let nth = 0; nth < 10; nth++) collector.add(new Uint8Array(1_000));
  expect(collector.bytes().buffer.byteLength).toBeLessThan(50_000);
});
