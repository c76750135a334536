/** What went wrong with the store, told once an outage and without any value. */
import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import { denialOf } from "../../shared/denied-permission.ts";
import { readFault } from "../../shared/network-faults.ts";
import { toSpanText } from "../../shared/times.ts";

/**
 * `connect`: the driver's client has no connection; `token read`: a token's record could not be had; `token`: one could not be
 * written, sealed or opened.
 */
type During =
  | "connect"
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

const UNREACHABLE = "is not reachable";

const WORDS: Readonly<Record<During, string>> = {
  connect: UNREACHABLE,
  load: "cannot be read",
  write: "cannot be written",
  remove: "cannot be written",
  crypto: "has records that could not be sealed or opened",
  lease: "cannot lock",
  token: "cannot be written",
  "token read": "cannot be read",
  creation: "cannot be read or written",
  sync: "cannot be read for changes of other instances",
};

/** Codes and names that say that there is no connection, whatever was to be done. */
const NO_CONNECTION =
  /^(?:ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOST|ENET|EPIPE|UND_ERR|Connection)|MaxRetriesPerRequest|ClusterAllFailed/;

/** What says that commands were given up, and not why. */
const GIVEN_UP = /MaxRetriesPerRequest|ClusterAllFailed/;

export function createFaults(
  log: Log,
  onFault: FaultListener | undefined,
  driver: string,
  clock: Pick<Clock, "now">,
): Faults {
  const standing = new Map<During, string>();
  /** What was told of the outage under way. */
  const told = new Set<string>();
  let since = 0;

  function report(during: During, key: string | undefined, error: unknown): void {
    const own = codeOf(error);
    // The connection's own error says more than that its commands were given up.
    const connected = standing.get("connect");
    const code = GIVEN_UP.test(own) ? (connected ?? own) : own;
    if (standing.size === 0) since = clock.now();
    standing.delete(during);
    standing.set(during, code);
    tell(during, code, denialOf(error));
    callListener({ during, key, code });
  }

  function tell(during: During, code: string, denial: string | undefined): void {
    const isGone = during === "connect" || NO_CONNECTION.test(code);
    const what = isGone ? UNREACHABLE : WORDS[during];
    // Of one connection that is gone, each command tells in its own way.
    if (told.has(what) || (isGone && told.has(UNREACHABLE))) return;
    told.add(what);
    const check = isGone
      ? "check that it runs, and the address in the options of its driver"
      : during === "crypto"
        ? "check `secret`"
        : "check the permissions and the space of the store";
    const cause = denial === undefined ? ` (${code}): ${check}` : `: ${denial}`;
    log.warn(
      `state store ${driver} ${what}${cause}; requests are served from memory, and the store is tried again every few seconds`,
    );
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
    if (cleared.length === 0 || standing.size > 0) return;
    const isGone = told.has(UNREACHABLE);
    told.clear();
    const how = isGone ? "is reachable again" : "works again";
    log.info(`state store ${driver} ${how} after ${toSpanText(clock.now() - since)}`);
  }

  function last(): string | undefined {
    const [during, code] = [...standing].at(-1) ?? [];
    return during && `${during} failed: ${code}`;
  }

  return { report, clear, last };
}

// A driver's message may quote an address with a password in it, so it is not passed on.
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return readFault(error).code ?? error.name;
}
