// A relay that could not start: what its operator reads in the log, and what its client is told.
import type { Log } from "../contract/log.ts";
import { RelayError } from "../shared/errors.ts";
import { describeOwnFault } from "../shared/describe-error.ts";

/** Tells in full what went wrong. The factory is the operator's own code, and so is the log. */
export function toStartLine(cause: unknown): string {
  return cause instanceof RelayError
    ? cause.message
    : `the function that gives the relay's options failed: ${describeOwnFault(cause)}`;
}

/** Writes a line into the log that the options name, where the factory has got so far, else into the console. */
export function logStartError(line: string, options: unknown): void {
  const log = (options as { log?: { error?: unknown } | false } | undefined)?.log || undefined;
  try {
    if (typeof log?.error === "function") (log as Log).error(line);
    // oxlint-disable-next-line no-console -- there is no relay yet, hence no log of its own
    else console.error(`[relay] ${line}`);
  } catch {
    // A logger that fails must not fail the request.
  }
}

/** The error for clients: only a development server tells them what the log tells. */
export function toStartError(cause: unknown): RelayError {
  const detail = isDevelopment() ? toStartLine(cause) : undefined;
  return new RelayError("ERR_RELAY_START", { cause, detail });
}

interface Host {
  env?: Record<string, string | undefined>;
  permissions?: { querySync(wanted: object): { state: string } };
}

function isDevelopment(): boolean {
  // By their names, so that no bundler replaces an expression in here.
  const hosts = globalThis as unknown as Record<string, Host | undefined>;
  const name = "NODE_ENV";
  try {
    // In Deno, reading a variable without the permission would ask the operator for it.
    const asked = hosts["Deno"]?.permissions?.querySync({ name: "env", variable: name });
    if (asked && asked.state !== "granted") return false;
    return hosts["process"]?.env?.[name] === "development";
  } catch {
    return false;
  }
}
