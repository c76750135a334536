// Store calls of requests while nothing fails: no read, and few writes however many requests there are.
//
// What would falsify the result: a relay that is slower than 3,000 requests a second here (the rate is printed; writes are per second, so
// a slower one has no advantage), counting before the state is loaded (the first requests do not count), and stopping before
// delayed writes are done (two more seconds are waited for, and counted).
import { printTable } from "../lib/figures.mjs";
import { startLoad, startPrograms, startUpstream } from "../lib/programs.mjs";

const REQUESTS = 12_000;

export async function run(options) {
  const { connections } = options;
  const upstream = await startUpstream();
  const load = await startLoad();
  const [relay] = await startPrograms(upstream, { ...options, only: [] }, ["relay-store"]);
  const ask = (requests) =>
    load.call("run", {
      origin: relay.origin,
      requests,
      connections,
      bench: { events: 1, interval: 0 },
    });
  await ask(2_000);
  const before = await relay.call("store");
  const startedAt = performance.now();
  await ask(REQUESTS);
  const rate = REQUESTS / ((performance.now() - startedAt) / 1_000);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const seconds = (performance.now() - startedAt) / 1_000;
  const after = await relay.call("store");
  for (const { stop } of [relay, load, upstream]) await stop();
  const found = {
    rate,
    reads: after.reads - before.reads,
    writes: (after.writes - before.writes) / seconds,
  };
  printTable(
    "The store under load (goal: no read, ≤ 2 writes a second)",
    ["", "requests/s", "reads", "writes/s"],
    [["relay", rate.toFixed(0), found.reads, found.writes.toFixed(2)]],
  );
  return found;
}
