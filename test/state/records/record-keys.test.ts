import { expect, it } from "vitest";
import { createStateKeys } from "../../../src/state/records/record-keys.ts";

it("A1 names records by kind and hash, one level deep, the same in every process", async () => {
  const key = await createStateKeys("relay").of("m", ["team-a"]);
  expect(key).toBe(await createStateKeys("relay").of("m", ["team-a"]));
  expect(key).toMatch(/^relay:m:[0-9a-f]{32}$/);
  // printf '["m","team-a"]' | sha256sum
  expect(key).toBe("relay:m:b0201ca1012c56fe10db2bd70d914d45");
});

it("keeps parts and kinds apart", async () => {
  const keys = createStateKeys("b");
  const names = await Promise.all([
    keys.of("c", ["a", "b"]),
    keys.of("c", ["ab"]),
    keys.of("c", ['a","b']),
    keys.of("m", ["a", "b"]),
    keys.of("c", ["\ud800"]),
    keys.of("c", ["\ud801"]),
  ]);
  expect(new Set(names).size).toBe(names.length);
});

it("returns a cached key synchronously", async () => {
  const keys = createStateKeys("b");
  const name = await keys.of("c", ["a"]);
  expect(keys.of("c", ["a"])).toBe(name);
});
