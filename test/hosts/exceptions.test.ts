import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { EXCEPTIONS, toTable } from "./exceptions.ts";

it("L5 docs/hosts.md shows every exception that the suite makes", () => {
  const docs = readFileSync(new URL("../../docs/hosts.md", import.meta.url), "utf8");
  expect(EXCEPTIONS.length).toBeGreaterThan(0);
  expect(docs).toContain(toTable());
});
