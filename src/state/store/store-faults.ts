/** Failed calls to the store: logged once per outage, without any value. */
import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import { denialOf } from "../../shared/denied-permission.ts";
import { readFault } from "../../shared/network-faults.ts";
import { toSpanText } from "../../shared/times.ts";

/**
 * `connect`: the driver's client has no connection; `token read`: a token's record could not be read; `token`: one could not be
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
  /** Ends the failures `during` one of these. */
  clear(...during: During[]): void;
  /** The latest failure that has not been cleared; `undefined` when there is none. */
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

/** Codes and names of errors that mean: no connection. */
const NO_CONNECTION =
  /^(?:ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOST|ENET|EPIPE|UND_ERR|Connection)|MaxRetriesPerRequest|ClusterAllFailed/;

/** Names of errors of commands that were aborted, which do not say why. */
const ABORTED = /MaxRetriesPerRequest|ClusterAllFailed/;

export function createFaults(
  log: Log,
  onFault: FaultListener | undefined,
  driver: string,
  clock: Pick<Clock, "now">,
): Faults {
  return new OutageLog(log, onFault, driver, clock);
}

class OutageLog implements Faults {
  readonly #log: Log;
  readonly #onFault: FaultListener | undefined;
  readonly #driver: string;
  readonly #clock: Pick<Clock, "now">;
  /** Error code by what fails at present, in order of the latest failure. */
  readonly #failing = new Map<During, string>();
  /** What was logged of the present outage. */
  readonly #logged = new Set<string>();
  #since = 0;

  constructor(
    log: Log,
    onFault: FaultListener | undefined,
    driver: string,
    clock: Pick<Clock, "now">,
  ) {
    this.#log = log;
    this.#onFault = onFault;
    this.#driver = driver;
    this.#clock = clock;
  }

  report(during: During, key: string | undefined, error: unknown): void {
    const own = codeOf(error);
    // The connection's error says more than the commands that were aborted because of it.
    const connected = this.#failing.get("connect");
    const code = ABORTED.test(own) ? (connected ?? own) : own;
    if (this.#failing.size === 0) this.#since = this.#clock.now();
    this.#failing.delete(during);
    this.#failing.set(during, code);
    this.#warn(during, code, denialOf(error));
    this.#callListener({ during, key, code });
  }

  clear(...during: During[]): void {
    const cleared = during.filter((one) => this.#failing.delete(one));
    if (cleared.length === 0 || this.#failing.size > 0) return;
    const how = this.#logged.has(UNREACHABLE) ? "is reachable again" : "works again";
    this.#logged.clear();
    const span = toSpanText(this.#clock.now() - this.#since);
    this.#log.info(`state store ${this.#driver} ${how} after ${span}`);
  }

  last(): string | undefined {
    const [during, code] = [...this.#failing].at(-1) ?? [];
    return during && `${during} failed: ${code}`;
  }

  #warn(during: During, code: string, denial: string | undefined): void {
    const isGone = during === "connect" || NO_CONNECTION.test(code);
    const what = isGone ? UNREACHABLE : WORDS[during];
    // When the connection is lost, each command fails with a text of its own: one line is enough.
    if (this.#logged.has(what) || (isGone && this.#logged.has(UNREACHABLE))) return;
    this.#logged.add(what);
    const cause = denial === undefined ? ` (${code}): ${checkOf(during, isGone)}` : `: ${denial}`;
    this.#log.warn(
      `state store ${this.#driver} ${what}${cause}; requests are served from memory, and the store is tried again every few seconds`,
    );
  }

  #callListener(fault: StateFault): void {
    try {
      this.#onFault?.(fault);
    } catch {
      this.#log.error("state: the `onFault` listener threw an error");
    }
  }
}

function checkOf(during: During, isGone: boolean): string {
  if (isGone) return "check that it runs, and the address in the options of its driver";
  return during === "crypto"
    ? "check `secret`"
    : "check the permissions and the space of the store";
}

// A driver's message may quote an address with a password in it, so it is not passed on.
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return readFault(error).code ?? error.name;
}
