// Time from a full store to a relay that is ready: 100,000 credentials, 50,000 cooldowns; then its memory, and its store calls while
// idle.
//
// What would falsify the result: cooldowns that have ended when they are read (they last an hour), a relay that is ready before they are
// loaded (they are counted in its status), and the time to write them (it is not counted). On a busy machine the clock says little: the
// CPU time of the process, the collector's threads included, varies less. The heap is its size after a full collection minus
// its size after the relay was closed and released: with the credentials' own strings, without the content of a store in memory.
import { connect } from "node:net";
import { printTable, median } from "../lib/figures.mjs";
import { start } from "../lib/processes.mjs";

const CREDENTIALS = 100_000;
const COOLDOWNS = 50_000;
const REDIS = { host: "127.0.0.1", port: 6379 };

export async function run({ rounds }) {
  const stores = { memory: [] };
  if (await isListening(REDIS)) stores.redis = [];
  else console.log(`\nno Redis on ${REDIS.host}:${REDIS.port}: its start is left out`);
  for (let round = 0; round < Math.min(rounds, 3); round++)
    for (const [store, found] of Object.entries(stores)) found.push(await measure(store));
  const rows = Object.entries(stores).map(([store, found]) => {
    const of = (what) => median(found.map((one) => one[what]));
    const whole = ["made", "ready", "cpu", "known", "heap"].map((what) => of(what).toFixed(0));
    return [store, ...whole, of("idle").toFixed(1)];
  });
  printTable(
    `Start with ${CREDENTIALS} credentials and ${COOLDOWNS} cooldowns (goal: ≤ 1 s from memory, ≤ 3 s from Redis, ≤ 4 calls/s idle)`,
    [
      "store",
      "options, ms",
      "until ready, ms",
      "CPU, ms",
      "cooldowns known",
      "heap, MB",
      "idle calls/s",
    ],
    rows,
  );
  return stores;
}

async function measure(store) {
  const program = await start("programs/start.mjs", { execArgv: ["--expose-gc"] });
  const options = { store, redis: REDIS, credentials: CREDENTIALS, cooldowns: COOLDOWNS };
  const found = await program.call("measure", options);
  await program.stop();
  return found;
}

function isListening({ host, port }) {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once("connect", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });
}
