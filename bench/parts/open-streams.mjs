// Many open streams, one event a second each: none breaks, none lags behind, and memory stays constant.
//
// `--streams 10000 --seconds 600` is the full run; by default it is short. What would falsify the result:
// - a limit on open files: the relay needs two for each stream (`ulimit -n`);
// - heap that grows until the next collection: memory is read after one, in the middle of the run and at its end;
// - a load generator that cannot keep up reads fewer events in the same time: events are compared with the number that is due.
import { printTable } from "../lib/figures.mjs";
import { startLoad, startPrograms, startUpstream } from "../lib/programs.mjs";

const EVERY = 1_000;

export async function run(options) {
  const { streams, seconds } = options;
  const upstream = await startUpstream();
  const load = await startLoad();
  const [relay] = await startPrograms(upstream, { ...options, only: [] }, ["relay"]);
  const ids = Array.from({ length: streams }, (_, at) => `ticking-${at}`);
  await load.call("openMany", {
    origin: relay.origin,
    ids,
    bench: { mode: "ticking", every: EVERY },
  });
  const wait = (share) => new Promise((resolve) => setTimeout(resolve, share * seconds * 1_000));
  await wait(0.5);
  const before = await relay.call("memory");
  await load.call("heard");
  const startedAt = performance.now();
  await wait(0.5);
  const { events, broken } = await load.call("heard");
  const due = (streams * (performance.now() - startedAt)) / EVERY;
  const after = await relay.call("memory");
  await load.call("leaveAll");
  for (const { stop } of [relay, load, upstream]) await stop();
  const found = {
    streams,
    broken,
    share: events / due,
    growth: (after.used - before.used) / 2 ** 20,
  };
  printTable(
    `${streams} streams, one event a second each, ${seconds} s (goal: none breaks, no growth)`,
    ["", "broken", "events of those due", "heap growth, MB"],
    [["relay", broken, `${(100 * found.share).toFixed(1)} %`, found.growth.toFixed(1)]],
  );
  return found;
}
