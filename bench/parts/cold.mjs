// Loading the package in a new process, and its size.
//
// What would make it lie: files that are not in the disk's cache (the first processes do not count), and dependencies left out: the
// time includes them, the size is the core's own code (`h3-relay` without dependencies and without the transport, minified).
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
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
  const size = await coreSize();
  printTable(
    `import("h3-relay") in ${TIMES} new processes (goal: ≤ 60 ms; core ≤ 25 KB)`,
    ["", "median ms", "min–max", "core min+gzip, KB"],
    [
      [
        "h3-relay",
        median(times).toFixed(1),
        `${Math.min(...times).toFixed(1)}–${Math.max(...times).toFixed(1)}`,
        (size / 1_024).toFixed(1),
      ],
    ],
  );
  return { times, size };
}

async function coreSize() {
  const isOurs = (id) => id.startsWith(".") || id.startsWith("/");
  const bundle = await rolldown({ input: fileURLToPath(ENTRY), external: (id) => !isOurs(id) });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  return gzipSync(output.map(({ code = "" }) => code).join(""), { level: 9 }).length;
}
