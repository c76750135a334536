/** The host × phase matrix of clients that left: printed, and stored for docs/hosts.md. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { HostName, Phase } from "../exceptions.ts";

const folder = fileURLToPath(new URL("../../../.cache/hosts", import.meta.url));

/**
 * Prints median and maximum of each phase in ms, and writes them to `.cache/hosts/NAME.json` (`node scripts/hosts.mjs` makes the table).
 */
export function recordMatrix(host: HostName, measured: ReadonlyMap<Phase, number[]>): void {
  const row = Object.fromEntries([...measured].map(([phase, taken]) => [phase, summary(taken)]));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${host}.json`), JSON.stringify(row, undefined, 2));
  const cells = Object.entries(row).map(
    ([phase, { median, worst }]) => `${phase} ${median}/${worst}`,
  );
  process.stdout.write(`${host}, ms to the upstream's close (median/worst): ${cells.join(", ")}\n`);
}

function summary(taken: readonly number[]): { median: number; worst: number } {
  const sorted = taken.toSorted((a, b) => a - b);
  return { median: Math.round(sorted[sorted.length >> 1]!), worst: Math.round(sorted.at(-1)!) };
}
