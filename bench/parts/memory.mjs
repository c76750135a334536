// Memory of one open stream without traffic. With few streams the pages that the collector keeps in reserve weigh more than the streams:
// at 1,000 streams they are 10 to 16 KB per stream, and vary by chance.
import { printTable } from "../lib/figures.mjs";
import { startLoad, startPrograms, startUpstream } from "../lib/programs.mjs";

const NAMES = ["relay", "relay-node", "relay-web", "h3-proxy", "undici", "h3-undici"];

export async function run(options) {
  const { streams } = options;
  const upstream = await startUpstream();
  const load = await startLoad();
  const programs = await startPrograms(upstream, options, NAMES);
  const found = [];
  for (const { name, title, origin, call } of programs) {
    // Few enough that their remaining pages do not hide the need of the streams.
    await hold(load, origin, `${name}-warm`, 50);
    await allClosed(upstream);
    const before = await call("memory");
    await hold(load, origin, name, streams, async () => {
      const now = await call("memory");
      const each = (what) => (now[what] - before[what]) / streams / 1024;
      found.push({ name, title, used: each("used"), rss: each("rss") });
    });
    await allClosed(upstream);
  }
  for (const { stop } of [...programs, load, upstream]) await stop();
  const straight = found.find(({ name }) => name === "undici");
  printTable(
    `KB for each of ${streams} open streams, after collection (goal: ≤ 1.3 × undici straight and ≤ 40 KB)`,
    ["program", "resident", "× undici straight", "heap + external"],
    found.map(({ title, used, rss }) => [
      title,
      rss.toFixed(1),
      straight ? (rss / straight.rss).toFixed(2) : "–",
      used.toFixed(1),
    ]),
  );
  return found;
}

async function hold(load, origin, name, streams, whileOpen) {
  const ids = Array.from({ length: streams }, (_, at) => `${name}-${at}`);
  await load.call("openMany", { origin, ids });
  await whileOpen?.();
  await load.call("leaveAll");
}

async function allClosed(upstream) {
  for (let tries = 0; tries < 100; tries++) {
    if ((await upstream.call("open")) === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
