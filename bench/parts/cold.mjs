// Loading the package in a new process, beside h3 alone, and its size.
//
// What would make it lie: files that are not in the disk's cache (the first processes do not count), a busy machine (it hits h3, which
// is loaded in turn, as well: look at the ratio), and dependencies left out: the time includes them, but for undici and jose, which
// are loaded when a relay is made and when a token is first signed. The size is the core's own code (`h3-relay` without dependencies
// and without the transport, minified).
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { median, printTable, ratio, showRatio } from "../lib/figures.mjs";

const ENTRY = new URL("../../dist/index.mjs", import.meta.url);
const TIMES = 15;
const PROGRAMS = { "h3-relay": ENTRY.href, h3: import.meta.resolve("h3") };

export async function run() {
  for (let warm = 0; warm < 3; warm++) Object.values(PROGRAMS).forEach(load);
  const found = { "h3-relay": [], h3: [] };
  for (let time = 0; time < TIMES; time++)
    for (const [name, url] of Object.entries(PROGRAMS)) found[name].push(load(url));
  const size = await coreSize();
  const of = (name, what) => found[name].map((one) => one[what]);
  printTable(
    `import() in ${TIMES} new processes (goal: ≤ 60 ms; core ≤ 25 KB)`,
    ["", "median ms", "min–max", "CPU, ms", "CPU to h3", "core min+gzip, KB"],
    Object.keys(found).map((name) => [
      name,
      median(of(name, "wall")).toFixed(1),
      `${Math.min(...of(name, "wall")).toFixed(1)}–${Math.max(...of(name, "wall")).toFixed(1)}`,
      median(of(name, "cpu")).toFixed(1),
      name === "h3" ? "" : showRatio(ratio(of(name, "cpu"), of("h3", "cpu"))),
      name === "h3" ? "" : (size / 1_024).toFixed(1),
    ]),
  );
  return { found, size };
}

/** What one import costs a new process, ms. */
function load(url) {
  const program = `const usage = process.cpuUsage(), from = performance.now();
    await import(${JSON.stringify(url)});
    const wall = performance.now() - from, { user, system } = process.cpuUsage(usage);
    console.log(JSON.stringify({ wall, cpu: (user + system) / 1_000 }));`;
  const args = ["--input-type=module", "-e", program];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

async function coreSize() {
  const isOurs = (id) => id.startsWith(".") || id.startsWith("/");
  const bundle = await rolldown({ input: fileURLToPath(ENTRY), external: (id) => !isOurs(id) });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  return gzipSync(output.map(({ code = "" }) => code).join(""), { level: 9 }).length;
}
