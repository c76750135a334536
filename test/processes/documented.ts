/** Compares the table of the worst days in docs/scale.md with the ledger. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { Simulator } from "../../simulator/index.ts";
import type { StoreName } from "./messages.ts";

const SCALE = readFileSync(new URL("../../docs/scale.md", import.meta.url), "utf8");

/** Expects the row of a day and a store: killed processes, then what the provider received. */
export function expectDocumented(
  day: string,
  store: StoreName,
  kills: number,
  { ledger }: Simulator,
): void {
  const { refreshes, calls } = ledger;
  const creations = calls.filter(
    ({ operation }) => operation === "sign-up" || operation === "graphql",
  );
  const figures = [kills, refreshes.refreshed, refreshes.reused, creations.length];
  expect(SCALE).toContain(`| ${day} | ${store} | ${figures.join(" | ")} |`);
}
