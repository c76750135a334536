// Reads the options of the module's relay when the server starts, so that wrong options fail the start and not the first request.
import type { Relay } from "../../src/relay.ts";

/** Ends the process with code 1 when the options are wrong. A development server goes on, and answers requests with the error. */
export function startRelay(relay: Relay, isDev: boolean): void {
  relay.ready().catch(() => {
    // The error has already been logged, in one line.
    if (!isDev) endProcess();
  });
}

function endProcess(): void {
  const host = (globalThis as { process?: Pick<NodeJS.Process, "exit"> }).process;
  host?.exit?.(1);
}
