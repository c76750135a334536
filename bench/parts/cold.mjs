// Loading the package in a new process, compared with h3 alone.
//
// What would falsify the result: files that are not in the disk's cache (the first processes do not count), a busy machine (it affects h3,
// which is loaded in turn, as well: look at the ratio), and dependencies that are loaded later: undici when a relay is created, jose when
// a token is first signed.
import { execFileSync } from "node:child_process";
import { median, printTable, ratio, showRatio } from "../lib/figures.mjs";

const ENTRY = new URL("../../dist/index.mjs", import.meta.url);
const TIMES = 15;
const PROGRAMS = { "h3-relay": ENTRY.href, h3: import.meta.resolve("h3") };

export async function run() {
  for (let warm = 0; warm < 3; warm++) Object.values(PROGRAMS).forEach(load);
  const found = { "h3-relay": [], h3: [] };
  for (let time = 0; time < TIMES; time++)
    for (const [name, url] of Object.entries(PROGRAMS)) found[name].push(load(url));
  const of = (name, what) => found[name].map((one) => one[what]);
  printTable(
    `import() in ${TIMES} new processes (goal: ≤ 60 ms)`,
    ["", "median ms", "min–max", "CPU, ms", "CPU to h3"],
    Object.keys(found).map((name) => [
      name,
      median(of(name, "wall")).toFixed(1),
      `${Math.min(...of(name, "wall")).toFixed(1)}–${Math.max(...of(name, "wall")).toFixed(1)}`,
      median(of(name, "cpu")).toFixed(1),
      name === "h3" ? "" : showRatio(ratio(of(name, "cpu"), of("h3", "cpu"))),
    ]),
  );
  return { found };
}

/** Cost of one import in a new process, in ms. */
function load(url) {
  const program = `const usage = process.cpuUsage(), from = performance.now();
    await import(${JSON.stringify(url)});
    const wall = performance.now() - from, { user, system } = process.cpuUsage(usage);
    console.log(JSON.stringify({ wall, cpu: (user + system) / 1_000 }));`;
  const args = ["--input-type=module", "-e", program];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}
