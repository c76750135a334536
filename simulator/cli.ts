#!/usr/bin/env node
// Starts the simulator by hand: `h3-relay-simulator --scenario flaky`.
import { toOptions, USAGE } from "./flags.ts";
import type { SimulatorOptions } from "./options.ts";
import { createSimulator } from "./simulator.ts";

try {
  const options = toOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(USAGE);
  else await start(options);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function start(options: SimulatorOptions): Promise<void> {
  const upstream = await createSimulator(options);
  process.stdout.write(`${upstream.url}\n`);
  const stop = (): void => void upstream.close();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}
