// CPU time of the relaying process for one streamed request.
import { median, printTable, ratio, showRatio } from "../lib/figures.mjs";
import { PAIRS, startLoad, startPrograms, startUpstream } from "../lib/programs.mjs";

export async function run(options) {
  const { events, rounds, requests, connections, burst } = options;
  const upstream = await startUpstream();
  const load = await startLoad();
  const programs = await startPrograms(upstream, options);
  const bench = { mode: burst ? "burst" : "paced", events };
  const ask = ({ origin }, count) =>
    load.call("run", { origin, requests: count, connections, bench });

  const sizes = new Set();
  for (const program of programs) sizes.add((await ask(program, requests)).bytes);
  if (sizes.size > 1)
    throw new Error(`programs answer differently: ${[...sizes].join(", ")} bytes`);

  const costs = Object.fromEntries(programs.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const program of programs) {
      const before = await program.call("cpu");
      await ask(program, requests);
      costs[program.name].push(((await program.call("cpu")) - before) / requests);
    }
  }
  for (const { stop } of [...programs, load, upstream]) await stop();
  return tell(programs, costs, { events, rounds, requests, connections });
}

function tell(programs, costs, { events, rounds, requests, connections }) {
  const medians = programs.map(({ name, title }) => [title, median(costs[name]).toFixed(0)]);
  printTable(
    `CPU per streamed request: ${events} events, ${connections} connections, ${rounds} rounds of ${requests}`,
    ["program", "µs"],
    medians,
  );
  const ratios = PAIRS.filter(([ours, theirs]) => costs[ours] && costs[theirs]).map(
    ([ours, theirs, goal]) => ({ ours, theirs, goal, ...ratio(costs[ours], costs[theirs]) }),
  );
  printTable(
    "Ratios, median of rounds (min–max)",
    ["", "ratio", "goal"],
    ratios.map(({ ours, theirs, goal, ...found }) => [
      `${ours} / ${theirs}`,
      showRatio(found),
      goal ? `≤ ${goal}` : "–",
    ]),
  );
  return { costs, ratios };
}
