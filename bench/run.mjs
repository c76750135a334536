// `npm run bench [part …] [--events 20] [--rounds 5] [--interval 5] [--requests 640] [--connections 32] [--cpu-prof]`
//
// Runs the relay and its peers in turn, each in its own process, the upstream and the load generator in two more.
// What would falsify the result:
// - Comparing figures of two runs: machines drift. Only ratios inside one run count, and their spread shows the precision.
// - A busy machine: every program loses, but not evenly. Look at min–max; if it is wide, run it again.
// - Programs that send another response than requested: the load generator counts every byte and fails on a difference.
// - Events that are read together: slow programs read many at once and look cheap. The upstream sends one event every
//   5 ms (`--interval`) on each stream, like models; the column "pieces" shows how many arrived separately. At `--interval 0`
//   (a turn of the loop between two) programs on web streams merge all 20 into one piece and escape the cost of 19.
// - Cold code and cold caches: every program is warmed up by requests that do not count, at the start and before each round. A
//   server that has just started, or that is idle between two requests, costs more, and the more code it has the more.
// - CPU of helpers: only the relaying process is counted, with all of its threads, user + system, as reported by the system.
// - A load generator or upstream that is slower than the program under test: harmless for CPU per request, but not for
//   requests per second, which is why that is not reported.
// - Missing features: the bare programs check nothing and select nothing. They are a lower bound, not a competitor.
import { mkdirSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureBuilt } from "../scripts/build.mjs";

const PARTS = [
  "cpu",
  "first-event",
  "disconnect",
  "memory",
  "open-streams",
  "slow-reader",
  "store",
  "start",
  "cold",
  "size",
];
const results = new URL("results/", import.meta.url);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    events: { type: "string", default: "20" },
    rounds: { type: "string", default: "5" },
    interval: { type: "string", default: "5" },
    requests: { type: "string", default: "640" },
    connections: { type: "string", default: "32" },
    credentials: { type: "string", default: "100" },
    streams: { type: "string", default: "3000" },
    seconds: { type: "string", default: "15" },
    only: { type: "string", default: "" },
    "cpu-prof": { type: "boolean", default: false },
  },
});

const unknown = positionals.filter((part) => ![...PARTS, "choose"].includes(part));
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(", ")}. There are ${PARTS.join(", ")} and choose.`);
  process.exit(2);
}

const options = {
  ...Object.fromEntries(
    [
      "events",
      "interval",
      "rounds",
      "requests",
      "connections",
      "credentials",
      "streams",
      "seconds",
    ].map((name) => [name, Number(values[name])]),
  ),
  only: values.only.split(",").filter(Boolean),
  profile: values["cpu-prof"] ? fileURLToPath(results) : undefined,
};
const machine = {
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  memoryGB: Math.round(totalmem() / 2 ** 30),
  system: `${process.platform} ${release()}`,
  node: process.version,
};
const command = ["npm run bench", ...process.argv.slice(2)].join(" ");

mkdirSync(results, { recursive: true });
await ensureBuilt();
console.log(`\n${machine.cores} × ${machine.cpu}, ${machine.memoryGB} GB, ${machine.system}`);
console.log(`Node ${machine.node}\n$ ${command}`);

const startedAt = new Date();
const report = { command, machine, startedAt: startedAt.toISOString(), options, parts: {} };
for (const part of positionals.length > 0 ? positionals : PARTS) {
  if (part === "choose") {
    const choose = fileURLToPath(new URL("choose.mjs", import.meta.url));
    process.exitCode = spawnSync(process.execPath, [choose], { stdio: "inherit" }).status ?? 1;
    continue;
  }
  const { run } = await import(`./parts/${part}.mjs`);
  report.parts[part] = await run(options);
}
if (Object.keys(report.parts).length > 0) {
  const name = `${startedAt.toISOString().replaceAll(/[:.]/g, "-")}.json`;
  writeFileSync(new URL(name, results), `${JSON.stringify(report, undefined, 2)}\n`);
  console.log(`\nwritten to bench/results/${name}`);
}
