// The process of the built Nitro server: finds a port, starts and stops it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const HOST = "127.0.0.1";
const PORTS_TRIED = 50;
const START_LIMIT = 20_000;
const STOP_LIMIT = 5_000;
/** Longest delay of the shutdown by open streams, in seconds. */
const GRACE = 1;

/** A problem that the user can fix; the message says how. */
export class LaunchError extends Error {}

/** Starts a server from its entry and resolves when it answers. Passes its output to `say`, line by line. */
export async function startServer(entry, { port, cwd, env, say }) {
  const url = `http://${HOST}:${port}`;
  mkdirSync(cwd, { recursive: true });
  const server = spawn(process.execPath, [entry], {
    cwd,
    // In its own process group, Ctrl-C reaches only this process, which then stops the server gracefully.
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: {
      ...env,
      // With these variables the server would skip its graceful shutdown, which ends open streams.
      CI: "",
      TEST: "",
      PORT: String(port),
      NITRO_PORT: String(port),
      HOST,
      NITRO_HOST: HOST,
      SERVER_SHUTDOWN_TIMEOUT: String(GRACE),
    },
  });
  const ended = once(server, "exit").then(([code, signal]) => code ?? signal);
  for (const stream of [server.stdout, server.stderr])
    createInterface({ input: stream }).on("line", (line) => {
      if (line && !line.startsWith("Listening on ")) say(line);
    });
  const stop = () => end(server, ended);
  try {
    await untilReady(url, ended);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, pid: server.pid, ended, stop };
}

async function untilReady(url, ended) {
  const giveUpAt = Date.now() + START_LIMIT;
  while (Date.now() < giveUpAt) {
    const answer = await ask(`${url}/api/status`);
    if (answer?.ok) return;
    if (answer)
      throw new LaunchError(
        `The server answers with status ${answer.status}; its output is above.`,
      );
    const code = await Promise.race([sleep(20), ended]);
    if (code !== undefined)
      throw new LaunchError("The server ended during its start; its output is above.");
  }
  throw new LaunchError(`The server did not answer within ${START_LIMIT / 1_000} s.`);
}

async function ask(url) {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(2_000) });
  } catch {
    return undefined;
  }
}

async function end(server, ended) {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.kill("SIGTERM");
  const timer = setTimeout(() => server.kill("SIGKILL"), STOP_LIMIT);
  await ended;
  clearTimeout(timer);
}

/** Returns `wanted` or the next free port; 0 selects any free port. */
export async function freePort(wanted) {
  for (let port = wanted; port < wanted + PORTS_TRIED; port++) {
    const free = await tryPort(port);
    if (free !== undefined) return free;
    if (wanted === 0) break;
  }
  throw new LaunchError(
    `No port from ${wanted} to ${wanted + PORTS_TRIED - 1} is free. Choose another: PORT=8080 npm start`,
  );
}

function tryPort(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(undefined));
    probe.listen(port, HOST, () => {
      const { port: found } = probe.address();
      probe.close(() => resolve(found));
    });
  });
}
