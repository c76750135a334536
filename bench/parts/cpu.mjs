// CPU time of the relaying process for one streamed request.
import { median, printTable, ratio, showRatio } from "../lib/figures.mjs";
import { PAIRS, startLoad, startPrograms, startUpstream } from "../lib/programs.mjs";

/** Requests to each program that do not count: at the start, until its code is compiled … */
const WARM_UP = 4_000;
/** … and before each round, because it was idle while the others were measured. */
const SETTLE = 160;

export async function run(options) {
  const { events, rounds, requests, connections, interval } = options;
  const upstream = await startUpstream();
  const load = await startLoad();
  const programs = await startPrograms(upstream, options);
  const ask = ({ origin }, count, apart) =>
    load.call("run", { origin, requests: count, connections, bench: { events, interval: apart } });

  const sizes = new Set();
  for (const program of programs) sizes.add((await ask(program, WARM_UP, 0)).bytes);
  if (sizes.size > 1)
    throw new Error(`programs answer differently: ${[...sizes].join(", ")} bytes`);

  const costs = Object.fromEntries(programs.map(({ name }) => [name, []]));
  const pieces = Object.fromEntries(programs.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const program of programs) {
      await ask(program, SETTLE, interval);
      const before = await program.call("cpu");
      const { pieces: came } = await ask(program, requests, interval);
      pieces[program.name].push(came);
      costs[program.name].push(((await program.call("cpu")) - before) / requests);
    }
  }
  for (const { stop } of [...programs, load, upstream]) await stop();
  return tell(programs, costs, pieces, { events, interval, rounds, requests, connections });
}

function tell(programs, costs, pieces, { events, interval, rounds, requests, connections }) {
  const medians = programs.map(({ name, title }) => [
    title,
    median(costs[name]).toFixed(0),
    median(pieces[name]).toFixed(1),
  ]);
  printTable(
    `CPU per streamed request: ${events} events, ${interval} ms apart, ${connections} connections, ${rounds} rounds of ${requests}`,
    ["program", "µs", "pieces at the client"],
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
  return { costs, pieces, ratios };
}
