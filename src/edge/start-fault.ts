// A relay that could not start: what its operator reads in the log, and what its client is told.
import { RelayError } from "../errors.ts";
import { describeOwnFault } from "../observe/fault.ts";

/** Tells in full what went wrong. The factory is the operator's own code, and so is the log. */
export function toStartLine(cause: unknown): string {
  return cause instanceof RelayError
    ? cause.message
    : `the function that gives the relay's options failed: ${describeOwnFault(cause)}`;
}

/** The error for clients: only a development server tells them what the log tells. */
export function toStartError(cause: unknown): RelayError {
  if (cause instanceof RelayError && cause.code === "ERR_RELAY_CLOSED") return cause;
  if (cause instanceof RelayError && cause.code === "ERR_RELAY_NOT_READY") return cause;
  const detail = isDevelopment() ? toStartLine(cause) : undefined;
  return new RelayError("ERR_RELAY_START", { cause, detail });
}

interface Host {
  process?: { env?: Record<string, string | undefined> };
  Deno?: { permissions: { querySync(wanted: object): { state: string } } };
}

function isDevelopment(): boolean {
  const { process: own, Deno: deno } = globalThis as Host;
  try {
    // Reading a variable without the permission would ask the operator for it.
    const wanted = { name: "env", variable: "NODE_ENV" };
    if (deno && deno.permissions.querySync(wanted).state !== "granted") return false;
    return own?.env?.["NODE_ENV"] === "development";
  } catch {
    return false;
  }
}
