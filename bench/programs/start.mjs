// Fills a store as a relay would have left it, then starts a relay on it and reports the time to start, and its cost from then on.
import { setTimeout as sleep } from "node:timers/promises";
import { createStorage } from "unstorage";
import memory from "unstorage/drivers/memory";
import redisDriver from "unstorage/drivers/redis";
import { createRelay } from "../../dist/index.mjs";
import { serveCommands } from "../lib/processes.mjs";
import { loadSource } from "../lib/source.mjs";

const { createState } = await loadSource("state/create-state");
const clock = { now: Date.now, after: () => () => {} };
const log = { debug() {}, info() {}, warn: console.error, error: console.error };
const HOUR = 3_600_000;
const IDLE_SECONDS = 3;

async function measure({ store, redis, credentials, cooldowns }) {
  const driver = store === "redis" ? redisOf(redis) : memory();
  const storage = createStorage({ driver });
  try {
    await fill(storage, cooldowns);
    const { held, ...found } = await startOn(storage, driver, credentials);
    return { ...found, heap: held - heap() };
  } finally {
    await storage.clear();
    await storage.dispose();
  }
}

// Every key has its own prefix, and is deleted with it.
function redisOf({ host, port }) {
  return redisDriver({ base: `bench-start-${process.pid}`, host, port, scanCount: 1_000 });
}

async function startOn(storage, driver, credentials) {
  const { relay, ...times } = await timeStart(storage, credentials);
  const held = heap();
  const calls = countCalls(driver);
  await sleep(IDLE_SECONDS * 1_000);
  const idle = calls() / IDLE_SECONDS;
  const known = relay.status().cooldowns.length;
  await relay.close();
  return { ...times, known, idle, held };
}

// No collection is forced before: it would leave a small young generation, which slows the following code.
async function timeStart(storage, count) {
  const startedAt = performance.now();
  const usage = process.cpuUsage();
  const upstream = { baseURL: "http://127.0.0.1:9/v1", dialect: "openai" };
  const credentials = Array.from({ length: count }, (_, at) => ({
    id: `c${at}`,
    apiKey: `sk-bench-${at}`,
  }));
  const relay = createRelay({ upstream, credentials, storage, log: false });
  const made = performance.now() - startedAt;
  await relay.ready();
  const ready = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(usage);
  return { relay, made, ready, cpu: (user + system) / 1_000 };
}

/** MB in use after a full collection. */
function heap() {
  globalThis.gc();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** Counts the store calls from now on; calls in one turn, like those of a transaction, count as one round trip. */
function countCalls(driver) {
  const of = driver.name === "redis" ? driver.getInstance() : driver;
  const names = driver.name === "redis" ? ["sendCommand"] : Object.keys(driver);
  let count = 0;
  let isSameTurn = false;
  function note() {
    if (isSameTurn) return;
    count++;
    isSameTurn = true;
    setImmediate(() => (isSameTurn = false));
  }
  for (const name of names.filter((one) => typeof of[one] === "function")) {
    const original = of[name];
    of[name] = (...args) => (note(), original.apply(of, args));
  }
  return () => count;
}

async function fill(storage, cooldowns) {
  const state = createState({ storage, base: "relay", clock, random: Math.random, log });
  await state.load();
  const writtenAt = Date.now();
  for (let at = 0; at < cooldowns; at++)
    state.putCooldown({
      key: { credential: `c${at}`, upstream: "default", pool: "*", family: "*" },
      reason: "QUOTA_EXHAUSTED",
      until: writtenAt + HOUR,
      writtenAt,
      epoch: 0,
      incidents: 1,
      stated: true,
    });
  await state.flush();
}

serveCommands({}, { measure });
