// Starts the playground: builds what is not built, the simulated upstream, and the Nitro server in front of it.
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const HOST = "127.0.0.1";
const PORTS_TRIED = 50;
const START_LIMIT = 20_000;
const STOP_LIMIT = 5_000;
/** How long open streams may hold up the end, ms. */
const GRACE = 500;

/** Keys and models of the simulated upstream. They open nothing else. */
export const SIMULATED = {
  keys: { "team-a": "sk-simulated-a", "team-b": "sk-simulated-b", "team-c": "sk-simulated-c" },
  models: ["aurora", "breeze"],
};

/** Something that the person at the keyboard can mend; its message says how. */
export class LaunchError extends Error {}

/**
 * Starts everything and resolves when the page can be opened.
 * @param {import("./launch.d.mts").LaunchOptions} options
 */
export async function launch(options = {}) {
  const {
    port = 3000,
    cwd = fileURLToPath(new URL(".", import.meta.url)),
    say = () => {},
  } = options;
  const real = realUpstream(options.env ?? process.env);
  const entry = await build(say);
  const upstream = real ? undefined : (options.simulator ?? (await startSimulator()));
  const ownsUpstream = upstream !== undefined && options.simulator === undefined;
  try {
    const server = await startServer(entry, {
      port: await freePort(port),
      cwd,
      say,
      env: { ...(options.env ?? process.env), ...(real ?? simulated(upstream)) },
    });
    return {
      ...server,
      upstream,
      async stop() {
        await server.stop();
        if (ownsUpstream) await upstream.close();
      },
    };
  } catch (error) {
    if (ownsUpstream) await upstream.close();
    throw error;
  }
}

function realUpstream({ UPSTREAM_BASE_URL, UPSTREAM_DIALECT, RELAY_KEYS }) {
  if (!UPSTREAM_BASE_URL) return undefined;
  if (!URL.canParse(UPSTREAM_BASE_URL))
    throw new LaunchError("UPSTREAM_BASE_URL is no URL. Give it like https://api.example.com/v1.");
  if (!RELAY_KEYS?.trim())
    throw new LaunchError(
      "RELAY_KEYS is empty. Give your keys, separated by commas: RELAY_KEYS=team-a=sk-…,team-b=sk-…",
    );
  return {
    UPSTREAM_BASE_URL,
    RELAY_KEYS,
    UPSTREAM_DIALECT: UPSTREAM_DIALECT || "openai",
    SIMULATOR_URL: "",
  };
}

function simulated({ url }) {
  return {
    SIMULATOR_URL: url,
    UPSTREAM_BASE_URL: `${url}/v1`,
    UPSTREAM_DIALECT: "openai",
    UPSTREAM_MODELS: SIMULATED.models.join(","),
    RELAY_KEYS: Object.entries(SIMULATED.keys)
      .map(([id, key]) => `${id}=${key}`)
      .join(","),
  };
}

async function build(say) {
  const builder = fork(fileURLToPath(new URL("build.mjs", import.meta.url)), {
    silent: true,
    execArgv: [],
  });
  let entry;
  let printed = "";
  builder.on("message", (message) => {
    if (message.building) say("Building the relay and the page; the next start is quicker.");
    ({ entry } = message);
  });
  for (const stream of [builder.stdout, builder.stderr])
    stream.setEncoding("utf8").on("data", (text) => (printed += text));
  await once(builder, "close");
  if (entry === undefined) {
    const isMissing = printed.includes("ERR_MODULE_NOT_FOUND");
    throw new LaunchError(
      isMissing
        ? "Packages are missing. Run npm ci first."
        : `The build failed:\n${printed.trim()}`,
    );
  }
  return entry;
}

async function startSimulator() {
  const { createSimulator } = await import("h3-relay/simulator");
  return createSimulator(SIMULATED);
}

async function startServer(entry, { port, cwd, env, say }) {
  const url = `http://${HOST}:${port}`;
  mkdirSync(cwd, { recursive: true });
  const server = spawn(process.execPath, [entry], {
    cwd,
    // A group of its own: Ctrl-C reaches this process alone, which ends the server in good order.
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: {
      ...env,
      PORT: String(port),
      NITRO_PORT: String(port),
      HOST,
      NITRO_HOST: HOST,
      NITRO_SHUTDOWN_TIMEOUT: String(GRACE),
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
      throw new LaunchError(`The server answers ${answer.status}; what it says stands above.`);
    const code = await Promise.race([sleep(20), ended]);
    if (code !== undefined) throw new LaunchError("The server ended while it was starting.");
  }
  throw new LaunchError("The server does not answer.");
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

/** Returns `wanted` or the next port that is free; 0 is any. */
async function freePort(wanted) {
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
