// The relay as a listener of node:http that measures itself: peak resident memory, and the longest time for which its event loop was blocked.
import { createServer } from "node:http";
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { serveCommands } from "../lib/processes.mjs";

const { DIST = "../../dist/", UPSTREAM, TRANSPORT } = process.env;
const { defineRelay } = await import(`${DIST}adapters/node.mjs`);
const relay = defineRelay({
  upstreams: {
    a: { baseURL: `${UPSTREAM}/v1`, dialect: "openai" },
    b: { baseURL: `${UPSTREAM}/v1`, dialect: "openai" },
  },
  // The second model is a fallback: its name is written into the body.
  models: { m: { upstream: "a", fallback: ["n"] }, n: { upstream: "b" } },
  credentials: [
    { id: "a", apiKey: "sk-bench-a", upstream: "a" },
    { id: "b", apiKey: "sk-bench-b", upstream: "b" },
  ],
  limits: { maxAttempts: 2 },
  mount: "/ai",
  transport: TRANSPORT,
  log: false,
});
const server = createServer(relay);
await new Promise((done) => server.listen(0, "127.0.0.1", done));

const TICK = 1;
let longest = 0;
let timer;

// Of a turn of the loop that was late, CPU time counts where it is shorter than the time that has passed: on a busy machine a process waits
// for its turn without being blocked itself.
function watch() {
  let at = performance.now();
  let cpu = process.cpuUsage();
  const look = () => {
    const used = process.cpuUsage(cpu);
    const late = performance.now() - at - TICK;
    longest = Math.max(longest, Math.min(late, (used.user + used.system) / 1_000));
    at = performance.now();
    cpu = process.cpuUsage();
    timer = setTimeout(look, TICK);
  };
  timer = setTimeout(look, TICK);
}

async function collect() {
  for (let nth = 0; nth < 4; nth++) {
    globalThis.gc();
    await sleep(20);
  }
}

const megabytes = (bytes) => bytes / 2 ** 20;
/** Highest resident size since the last `start`, in MB; without `/proc` the present one. */
function peak() {
  const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"));
  return Number(kilobytes) / 1_024;
}

let before;
serveCommands(`http://127.0.0.1:${server.address().port}`, {
  async start() {
    await collect();
    writeFileSync("/proc/self/clear_refs", "5");
    before = megabytes(process.memoryUsage().rss);
    longest = 0;
    watch();
  },
  async end() {
    clearTimeout(timer);
    return { growth: peak() - before, longest };
  },
  /** Memory that is reachable now. */
  async held() {
    await collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return megabytes(heapUsed + arrayBuffers);
  },
});
