// The default log on Deno. consola reads the environment when it is imported, which Deno refuses without a permission.
import type { Log } from "../contract/log.ts";

/** The part of Deno that is used. */
interface DenoEnvironment {
  permissions: { querySync(query: { name: "env"; variable: string }): { state: string } };
  env: { get(name: string): string | undefined };
}

/** Log levels as consola numbers them. */
const WARN = 1;
const INFO = 3;
const DEBUG = 4;
const VARIABLE = "CONSOLA_LEVEL";

/** Creates a log in consola's format that needs no permission; the level is read only where the environment may be read. */
export function createLog(): Log {
  const level = readLevel();
  return {
    level,
    /* oxlint-disable no-console -- this is the log */
    debug: (message) => void (level >= DEBUG && console.debug(`[debug] [relay] ${message}`)),
    info: (message) => void (level >= INFO && console.info(`[info] [relay] ${message}`)),
    warn: (message) => void (level >= WARN && console.warn(`[warn] [relay] ${message}`)),
    error: (message) => void (level >= 0 && console.error(`[error] [relay] ${message}`)),
    /* oxlint-enable no-console */
  };
}

function readLevel(): number {
  const { Deno } = globalThis as { Deno?: DenoEnvironment };
  // Unlike reading, a query never prompts the operator.
  const isGranted =
    Deno?.permissions.querySync({ name: "env", variable: VARIABLE }).state === "granted";
  const level = Number.parseInt((isGranted && Deno.env.get(VARIABLE)) || "");
  return Number.isNaN(level) ? INFO : level;
}
