/** What went wrong with the store, told once an outage and without any value. */
import type { Log } from "../contract/log.ts";
import { denialOf } from "../denied.ts";

/** `token read`: a token's record could not be had; `token`: one could not be written, sealed or opened. */
type During =
  | "load"
  | "write"
  | "remove"
  | "crypto"
  | "lease"
  | "token"
  | "token read"
  | "creation"
  | "sync";

/** A call to the store that failed. Carries neither values nor the driver's own message. */
export interface StateFault {
  during: During;
  /** Key in the store, where one was concerned. */
  key: string | undefined;
  /** The error's code (`ECONNREFUSED`), or its name. */
  code: string;
}

export type FaultListener = (fault: StateFault) => void;

export interface Faults {
  report(during: During, key: string | undefined, error: unknown): void;
  /** Notes that what had failed `during` one of these is well again. */
  clear(...during: During[]): void;
  /** The last fault that still stands, `undefined` when all is well. */
  last(): string | undefined;
}

export function createFaults(log: Log, onFault: FaultListener | undefined): Faults {
  const standing = new Map<During, string>();

  function report(during: During, key: string | undefined, error: unknown): void {
    const code = codeOf(error);
    const fault = `${during} failed: ${code}`;
    const line = `state: ${during} failed: ${denialOf(error) ?? code}; serving goes on from memory`;
    if (standing.get(during) !== fault) log.warn(line);
    standing.delete(during);
    standing.set(during, fault);
    callListener({ during, key, code });
  }

  function callListener(fault: StateFault): void {
    try {
      onFault?.(fault);
    } catch {
      log.error("state: the listener for faults threw");
    }
  }

  function clear(...during: During[]): void {
    const cleared = during.filter((one) => standing.delete(one));
    if (cleared.length > 0) log.info(`state: ${cleared.join(" and ")} well again`);
  }

  return { report, clear, last: () => [...standing.values()].at(-1) };
}

// A driver's message may quote an address with a password in it, so it is not passed on.
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const code = "code" in error ? error.code : undefined;
  return typeof code === "string" && /^\w{1,40}$/.test(code) ? code : error.name;
}
