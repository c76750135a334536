// Loading the package in a new process.
//
// What would make it lie: files that are not in the disk's cache (the first processes do not count).
import { execFileSync } from "node:child_process";
import { median, printTable } from "../lib/figures.mjs";

const ENTRY = new URL("../../dist/index.mjs", import.meta.url);
const TIMES = 15;
const PROGRAM = `const from = performance.now(); await import(${JSON.stringify(ENTRY.href)}); console.log(performance.now() - from);`;

export async function run() {
  const load = () =>
    Number(
      execFileSync(process.execPath, ["--input-type=module", "-e", PROGRAM], { encoding: "utf8" }),
    );
  for (let warm = 0; warm < 3; warm++) load();
  const times = Array.from({ length: TIMES }, load);
  printTable(
    `import("h3-relay") in ${TIMES} new processes (goal: ≤ 60 ms)`,
    ["", "median ms", "min–max"],
    [
      [
        "h3-relay",
        median(times).toFixed(1),
        `${Math.min(...times).toFixed(1)}–${Math.max(...times).toFixed(1)}`,
      ],
    ],
  );
  return { times };
}
