// The error of a relay that could not start, for the operator's log and for the client.
import type { Log } from "../contract/log.ts";
import { RelayError } from "../shared/errors.ts";
import { describeOwnFault } from "../shared/describe-error.ts";

/** Describes the cause in full. Both the function and the log belong to the operator. */
export function toStartLine(cause: unknown): string {
  return cause instanceof RelayError
    ? cause.message
    : `the function that returns the relay's options failed: ${describeOwnFault(cause)}`;
}

/** Writes a line to the log of the options, as far as they are known, otherwise to the console. */
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

/** The error for clients: only a development server sends them the text of the log. */
export function toStartError(cause: unknown): RelayError {
  const detail = isDevelopment() ? toStartLine(cause) : undefined;
  return new RelayError("ERR_RELAY_START", { cause, detail });
}

interface Host {
  env?: Record<string, string | undefined>;
  permissions?: { querySync(wanted: object): { state: string } };
}

function isDevelopment(): boolean {
  // Accessed by name, so that no bundler replaces the expression.
  const hosts = globalThis as unknown as Record<string, Host | undefined>;
  const name = "NODE_ENV";
  try {
    // In Deno, reading a variable without the permission would prompt the operator.
    const asked = hosts["Deno"]?.permissions?.querySync({ name: "env", variable: name });
    if (asked && asked.state !== "granted") return false;
    return hosts["process"]?.env?.[name] === "development";
  } catch {
    return false;
  }
}
