// Reads the options of the module's relay when the server starts, so that wrong ones fail the start and not the first user.
import type { Relay } from "../../src/relay.ts";

/** Ends the process with code 1 where the options are wrong; a development server stays, and its requests are told. */
export function startRelay(relay: Relay, isDev: boolean): void {
  relay.ready().catch(() => {
    // The fault is in the log already, in one line.
    if (!isDev) endProcess();
  });
}

function endProcess(): void {
  const host = (globalThis as { process?: Pick<NodeJS.Process, "exit"> }).process;
  host?.exit?.(1);
}
