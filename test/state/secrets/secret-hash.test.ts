import { expect, it } from "vitest";
import { hashSecret, isSameSecret } from "../../../src/state/secrets/secret-hash.ts";

it("A1 detects a changed secret by its salted hash", async () => {
  const hash = await hashSecret("sk-1");
  expect(await isSameSecret("sk-1", hash)).toBe(true);
  expect(await isSameSecret("sk-2", hash)).toBe(false);
  expect(await isSameSecret("", hash)).toBe(false);
});

it("A1 gives two records of one secret different hashes, and neither reveals the secret", async () => {
  const [a, b] = [await hashSecret("sk-1"), await hashSecret("sk-1")];
  expect(a).toMatch(/^hmac-sha256:[0-9a-f]{32}:[0-9a-f]{64}$/);
  expect(a.split(":")[1]).not.toBe(b.split(":")[1]);
  expect(a.split(":")[2]).not.toBe(b.split(":")[2]);
});

it("accepts no malformed hash", async () => {
  const hash = await hashSecret("");
  expect(await isSameSecret("", hash)).toBe(true);
  for (const broken of [
    "",
    "x",
    hash.slice(1),
    hash.slice(0, -1),
    `${hash}0`,
    hash.toUpperCase(),
  ]) {
    expect(await isSameSecret("", broken)).toBe(false);
  }
});
