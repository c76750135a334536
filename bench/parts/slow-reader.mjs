// 1 GB to a client that reads slowly: the relay holds no more of it than its buffers.
//
// What would falsify the result: a client that is faster than the relay (its rate is printed), heap from before
// (only growth counts), and garbage (read after collections, repeatedly during the response; the largest value counts).
import { printTable } from "../lib/figures.mjs";
import { startLoad, startPrograms, startUpstream } from "../lib/programs.mjs";

const BYTES = 2 ** 30;
const SLOW = { sip: 2 ** 19, rest: 4 };

export async function run(options) {
  const upstream = await startUpstream();
  const load = await startLoad();
  const programs = await startPrograms(upstream, options, [
    "relay",
    "relay-node",
    "relay-web",
    "undici",
  ]);
  const found = [];
  for (const { name, title, origin, call } of programs) {
    await load.call("readSlowly", { origin, bench: { mode: "flood", bytes: 2 ** 24 }, ...SLOW });
    const before = await call("memory");
    const startedAt = performance.now();
    const reading = { isOver: false };
    const whole = load
      .call("readSlowly", { origin, bench: { mode: "flood", bytes: BYTES }, ...SLOW })
      .finally(() => (reading.isOver = true));
    let growth = 0;
    while (!reading.isOver) growth = Math.max(growth, (await call("memory")).used - before.used);
    const bytes = await whole;
    if (bytes < BYTES) throw new Error(`${name} sent ${bytes} bytes only`);
    const rate = bytes / 2 ** 20 / ((performance.now() - startedAt) / 1_000);
    found.push({ name, title, rate, growth: growth / 2 ** 20 });
  }
  for (const { stop } of [...programs, load, upstream]) await stop();
  printTable(
    "1 GB to a slow reader (goal: heap grows by ≤ 8 MB)",
    ["program", "MB/s", "growth, MB"],
    found.map(({ title, rate, growth }) => [title, rate.toFixed(0), growth.toFixed(1)]),
  );
  return found;
}
