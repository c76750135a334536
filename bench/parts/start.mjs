// From a full store to a relay that is ready: 100,000 credentials, 50,000 cooldowns (memory).
//
// What would make it lie: cooldowns that are over when they are read (they last an hour), a relay that is ready before it knows them
// (they are counted in its status), and the time to write them (it is not counted).
import { printTable, median } from "../lib/figures.mjs";
import { start } from "../lib/processes.mjs";

const CREDENTIALS = 100_000;
const COOLDOWNS = 50_000;

export async function run({ rounds }) {
  const times = [];
  for (let round = 0; round < Math.min(rounds, 3); round++) {
    const program = await start("programs/start.mjs");
    times.push(await program.call("measure", { credentials: CREDENTIALS, cooldowns: COOLDOWNS }));
    await program.stop();
  }
  const of = (what) => median(times.map((time) => time[what])).toFixed(0);
  printTable(
    `Start with ${CREDENTIALS} credentials and ${COOLDOWNS} cooldowns (goal: ≤ 1 s from memory)`,
    ["store", "options, ms", "until ready, ms", "cooldowns known"],
    [["memory", of("made"), of("ready"), of("known")]],
  );
  return times;
}
