// Time from a client's disconnect until the upstream's socket closes, while the upstream sends nothing in the middle of a stream.
import { median, printTable, quantile } from "../lib/figures.mjs";
import { startLoad, startPrograms, startUpstream } from "../lib/programs.mjs";

const COUNT = 200;
const PATIENCE = 1_500;

export async function run(options) {
  const upstream = await startUpstream();
  const load = await startLoad();
  const programs = await startPrograms(upstream, options);
  const found = [];
  for (const { name, title, origin } of programs) {
    for (let nth = 0; nth < 20; nth++)
      await leaveOnce(upstream, load, origin, `${name}-warm-${nth}`);
    const times = [];
    for (let nth = 0; nth < COUNT; nth++)
      times.push(await leaveOnce(upstream, load, origin, `${name}-${nth}`));
    const closed = times.filter((time) => time !== undefined);
    found.push({
      name,
      title,
      closed: closed.length,
      median: closed.length > 0 ? median(closed) : undefined,
      p99: closed.length > 0 ? quantile(closed, 0.99) : undefined,
    });
  }
  for (const { stop } of [...programs, load, upstream]) await stop();
  printTable(
    `Client gone → upstream closed, ms, ${COUNT} clients (goal: median ≤ 5, p99 ≤ 50)`,
    ["program", "closed", "median", "p99"],
    found.map(({ title, closed, median, p99 }) => [
      title,
      `${closed} of ${COUNT}`,
      median?.toFixed(2) ?? "never",
      p99?.toFixed(2) ?? "never",
    ]),
  );
  return found;
}

/** Time in ms from the client's disconnect until the upstream notices; `undefined` where it never does. */
async function leaveOnce(upstream, load, origin, id) {
  await load.call("open", { origin, id });
  const leftAt = BigInt(await load.call("leave", { id }));
  const closedAt = await upstream.call("whenClosed", { id, patience: PATIENCE });
  return closedAt === "never" ? undefined : Number(BigInt(closedAt) - leftAt) / 1e6;
}
