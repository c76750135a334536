// Fills a store as a relay would have left it, then starts a relay on it and says how long that took.
import { createStorage } from "unstorage";
import memory from "unstorage/drivers/memory";
import { createRelay } from "../../dist/index.mjs";
import { serveCommands } from "../lib/processes.mjs";
import { loadSource } from "../lib/source.mjs";

const { createState } = await loadSource("state/state");
const clock = { now: Date.now, after: () => () => {} };
const log = { debug() {}, info() {}, warn: console.error, error: console.error };
const HOUR = 3_600_000;

async function measure({ credentials, cooldowns }) {
  const storage = createStorage({ driver: memory() });
  await fill(storage, cooldowns);
  const startedAt = performance.now();
  const relay = createRelay({
    upstream: { baseURL: "http://127.0.0.1:9/v1", dialect: "openai" },
    credentials: Array.from({ length: credentials }, (_, at) => ({
      id: `c${at}`,
      apiKey: `sk-bench-${at}`,
    })),
    storage,
    log: false,
  });
  const made = performance.now() - startedAt;
  await relay.ready;
  const ready = performance.now() - startedAt;
  return { made, ready, known: relay.status().cooldowns.length };
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
