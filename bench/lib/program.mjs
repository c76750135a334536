// Shared by all programs under test: the address of the upstream, and the measurement of their own cost.
import { setTimeout as sleep } from "node:timers/promises";
import { serveCommands } from "./processes.mjs";

export const UPSTREAM = process.env.UPSTREAM;

/** The upstream URL of a request to `/ai/…`. */
export function toUpstream(path) {
  return `/v1${path.slice("/ai".length)}`;
}

/** Announces a program that listens. */
export function announce(origin, more = {}) {
  serveCommands(
    { origin: origin.replace(/\/$/, "") },
    { cpu, memory, pid: () => process.pid, ...more },
  );
}

/** User + system time of the whole process so far, in µs. */
function cpu() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Bytes in use after a full collection. */
async function memory() {
  for (let round = 0; round < 3; round++) {
    globalThis.gc();
    await sleep(50);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, used: heapUsed + external };
}
