// Runs the README's two commands in a fresh clone, as a new user would, and prints the time of each.
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";

const cwd = process.argv[2];
const env = { ...process.env, CI: "", PORT: "0" };
const seconds = (since) => `${((performance.now() - since) / 1_000).toFixed(1)} s`;

function run(...args) {
  const since = performance.now();
  const { status } = spawnSync("npm", args, { cwd, env, stdio: ["ignore", "ignore", "inherit"] });
  console.log(
    `npm ${args.join(" ")}: ${status === 0 ? "passed" : `exit ${status}`}, ${seconds(since)}`,
  );
  if (status !== 0) process.exit(1);
}

/** Waits until `npm start` prints the page's address, and requests the page. */
async function start() {
  const since = performance.now();
  const child = spawn("npm", ["start"], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const [, url] = /Page\s+(http\S+)/.exec(line) ?? [];
      if (!url) continue;
      const { status } = await fetch(url);
      console.log(`npm start: page answers ${status} after ${seconds(since)}`);
      if (status !== 200) process.exitCode = 1;
      return;
    }
    throw new Error("npm start ended before it printed the page's address");
  } finally {
    process.kill(-child.pid, "SIGTERM");
  }
}

run("ci");
await start();
run("test");
