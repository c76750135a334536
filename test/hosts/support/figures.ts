/** Figures of docs/hosts.md for the web frameworks: printed, and stored in `.cache/frameworks/NAME.json`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../../.cache/frameworks", import.meta.url));

/** Writes median and maximum of each figure, in ms. */
export function recordFigures(name: string, figures: Record<string, number[]>): void {
  const row = Object.fromEntries(
    Object.entries(figures).map(([figure, taken]) => [figure, describe(taken)]),
  );
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(row, undefined, 2));
  process.stdout.write(`${name}, ms (median / worst): ${JSON.stringify(row)}\n`);
}

function describe(taken: readonly number[]): string {
  const sorted = taken.toSorted((a, b) => a - b);
  return `${Math.round(sorted[sorted.length >> 1] ?? 0)} / ${Math.round(sorted.at(-1) ?? 0)}`;
}
