#!/usr/bin/env node
// Starts the simulator from the command line: `h3-relay-simulator --scenario flaky`.
import { type Command, toCommand, USAGE } from "./flags.ts";
import { toGreeting, toLine } from "./lines.ts";
import { createSimulator } from "./simulator.ts";

/** Exit code for wrong arguments, as other commands use it. */
const WRONG_FLAG = 2;
const FAILED = 1;

// A closed reader (`| head`) ends the output, not the simulator.
process.stdout.on("error", () => {});

let command: Command | undefined;
try {
  command = toCommand(process.argv.slice(2));
  if (command === undefined) process.stdout.write(USAGE);
} catch (error) {
  tell(error, WRONG_FLAG);
}
if (command !== undefined) await start(command).catch((error: unknown) => tell(error, FAILED));

async function start({ options, quiet }: Command): Promise<void> {
  const names = new Set(Object.keys(options.keys ?? {}));
  const upstream = await createSimulator({
    ...options,
    onCall: quiet
      ? undefined
      : (call) => void process.stdout.write(toLine(call, names.has(call.credential))),
  });
  process.stdout.write(toGreeting(upstream.url, options));
  const stop = (): void => void upstream.close();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

function tell(error: unknown, exitCode: number): void {
  const { code, port, address } = error as { code?: string; port?: number; address?: string };
  const message = error instanceof Error ? error.message : String(error);
  const words =
    code === "EADDRINUSE"
      ? `Port ${port} of ${address} is in use: choose another with --port, or --port 0 for a free one.`
      : message;
  process.stderr.write(`${words}\n`);
  process.exitCode = exitCode;
}
