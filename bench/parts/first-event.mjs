// Time to the first event, one stream at a time, compared with the direct call.
import { median, printTable, quantile } from "../lib/figures.mjs";
import { startLoad, startPrograms, startUpstream } from "../lib/programs.mjs";

const NAMES = ["relay", "relay-node", "relay-web", "h3-proxy", "undici", "h3-undici"];
const COUNT = 100;
/** Requests that do not count. With fewer, code that is still being compiled is measured. */
const WARM_UP = 4_000;

export async function run(options) {
  const upstream = await startUpstream();
  const load = await startLoad();
  const programs = await startPrograms(upstream, options, NAMES);
  const direct = { name: "direct", title: "the direct call", origin: upstream.ready.origin };
  const all = [direct, ...programs];
  const bench = { interval: 0, events: 2 };
  const measure = ({ origin }, count) => load.call("firstEvents", { origin, count, bench });

  for (const { origin } of all) {
    await load.call("run", { origin, requests: WARM_UP, connections: 8, bench });
    await measure({ origin }, 500);
  }
  const times = Object.fromEntries(all.map(({ name }) => [name, []]));
  for (let round = 0; round < options.rounds; round++)
    for (const program of all) times[program.name].push(...(await measure(program, COUNT)));
  for (const { stop } of [...programs, load, upstream]) await stop();

  const base = median(times.direct);
  const found = all.map(({ name, title }) => ({
    name,
    title,
    median: median(times[name]),
    p99: quantile(times[name], 0.99),
    added: median(times[name]) - base,
  }));
  printTable(
    `Time to first event, ms, 1 stream, ${COUNT * options.rounds} each (goal: relay adds ≤ 0.3 ms)`,
    ["program", "median", "p99", "added"],
    found.map(({ title, median, p99, added }) => [
      title,
      median.toFixed(2),
      p99.toFixed(2),
      added.toFixed(2),
    ]),
  );
  return found;
}
