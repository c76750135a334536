// `node bench/hot.mjs FILE.cpuprofile [lines]`: functions by their own time, with file and line.
import { readFileSync } from "node:fs";

const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const byId = new Map(nodes.map((node) => [node.id, node]));
const times = new Map();
let total = 0;
samples.forEach((id, at) => {
  const { functionName, url, lineNumber } = byId.get(id).callFrame;
  if (functionName === "(idle)" || functionName === "(program)") return;
  const where = `${functionName || "(anonymous)"} ${url.replace(/^.*\/(?=dist|node_modules)/, "")}:${lineNumber + 1}`;
  times.set(where, (times.get(where) ?? 0) + timeDeltas[at]);
  total += timeDeltas[at];
});
const sorted = [...times].toSorted(([, a], [, b]) => b - a);
for (const [where, time] of sorted.slice(0, Number(process.argv[3] ?? 40)))
  console.log(`${((100 * time) / total).toFixed(1).padStart(5)} %  ${where}`);
