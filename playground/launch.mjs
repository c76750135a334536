// Starts the playground: builds missing parts, and starts the simulated upstream and the Nitro server.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { freePort, LaunchError, startServer } from "./host.mjs";

export { LaunchError };

/** Keys and models of the simulated upstream. They are valid nowhere else. */
export const SIMULATED = {
  keys: { "team-a": "sk-simulated-a", "team-b": "sk-simulated-b", "team-c": "sk-simulated-c" },
  models: ["aurora", "breeze"],
};

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
    throw new LaunchError(
      "UPSTREAM_BASE_URL is not a URL. Set it to a URL such as https://api.example.com/v1.",
    );
  if (!RELAY_KEYS?.trim())
    throw new LaunchError(
      "RELAY_KEYS is empty. Set it to your keys, separated by commas: RELAY_KEYS=team-a=sk-…,team-b=sk-…",
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
    if (message.building) say("Building the relay and the page; the next start is faster.");
    ({ entry } = message);
  });
  for (const stream of [builder.stdout, builder.stderr])
    stream.setEncoding("utf8").on("data", (text) => (printed += text));
  await once(builder, "close");
  if (entry === undefined) {
    const isMissing = printed.includes("Cannot find package");
    throw new LaunchError(
      isMissing
        ? "Packages are not installed. Run npm ci first."
        : `The build failed:\n${printed.trim()}`,
    );
  }
  return entry;
}

async function startSimulator() {
  const { createSimulator } = await import("h3-relay/simulator");
  return createSimulator(SIMULATED);
}
