// `npm start`: starts the playground, prints its addresses, and stops all processes on Ctrl-C.
import { performance } from "node:perf_hooks";
import { launch, LaunchError, SIMULATED } from "./launch.mjs";

const { PORT = "3000", PLAYGROUND_DIR } = process.env;

try {
  const playground = await launch({
    port: toPort(PORT),
    cwd: PLAYGROUND_DIR,
    say: (line) => console.log(`  ${line}`),
  });
  console.log(toText(playground));
  endWith(playground);
} catch (error) {
  console.error(error instanceof LaunchError ? `\n  ${error.message}\n` : error);
  process.exitCode = 1;
}

function toPort(text) {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new LaunchError(`PORT must be a number from 0 to 65535, not "${text}".`);
}

function endWith(playground) {
  let isStopping = false;
  async function stop() {
    if (isStopping) return;
    isStopping = true;
    await playground.stop();
    process.exit(0);
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
  void playground.ended.then(async (code) => {
    if (isStopping) return;
    isStopping = true;
    console.error(`\n  The server ended unexpectedly (${code}); its output is above.\n`);
    await playground.stop();
    process.exit(1);
  });
}

function toText({ url, upstream }) {
  const target = upstream
    ? `simulated, ${Object.keys(SIMULATED.keys).length} credentials, models ${SIMULATED.models.join(" and ")}`
    : `${new URL(process.env.UPSTREAM_BASE_URL).host}, with your keys`;
  return `
  h3-relay playground, ready in ${(performance.now() / 1_000).toFixed(1)} s

  Page      ${url}
  Relay     ${url}/ai
  Upstream  ${target}

${upstream ? `${toCurl(url)}\n\n` : ""}  Cooldowns are saved in ${PLAYGROUND_DIR ?? "playground"}/.data. Press Ctrl-C to stop.
`;
}

function toCurl(url) {
  const body = JSON.stringify({
    model: SIMULATED.models[0],
    stream: true,
    messages: [{ role: "user", content: "Hello" }],
  });
  return `  curl -N ${url}/ai/chat/completions -H 'content-type: application/json' -d '${body}'`;
}
