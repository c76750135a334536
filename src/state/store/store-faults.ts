/** Failed calls to the store: logged once per outage, with the driver's words and without any value. */
import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import { denialOf } from "../../shared/denied-permission.ts";
import { readFault } from "../../shared/network-faults.ts";
import { toSpanText } from "../../shared/times.ts";
import { wordsOf } from "./driver-words.ts";
import { StoreTimeout, TIMEOUT_CODE } from "./time-limit.ts";

/**
 * `connect`: the driver's client has no connection; `token read`: a token's record could not be read; `token`: one could not be
 * written, sealed or opened.
 */
type During =
  | "connect"
  | "load"
  | "probe"
  | "write"
  | "remove"
  | "crypto"
  | "lease"
  | "token"
  | "token read"
  | "creation"
  | "sync";

/** A call to the store that failed. Carries neither values nor the driver's message. */
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
const SILENT = "does not answer";

const WORDS: Readonly<Record<During, string>> = {
  connect: UNREACHABLE,
  load: "cannot be read",
  probe: "cannot be written",
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
    this.#warn(during, code, error);
    this.#callListener({ during, key, code });
  }

  clear(...during: During[]): void {
    const cleared = during.filter((one) => this.#failing.delete(one));
    if (cleared.length === 0 || this.#failing.size > 0) return;
    const how = this.#isGoneLogged() ? "is reachable again" : "works again";
    this.#logged.clear();
    const span = toSpanText(this.#clock.now() - this.#since);
    this.#log.info(`state store ${this.#driver} ${how} after ${span}`);
  }

  last(): string | undefined {
    const [during, code] = [...this.#failing].at(-1) ?? [];
    return during && `${during} failed: ${code}`;
  }

  #warn(during: During, code: string, error: unknown): void {
    const isGone = during === "connect" || NO_CONNECTION.test(code);
    const what = isGone ? UNREACHABLE : code === TIMEOUT_CODE ? SILENT : WORDS[during];
    // When the connection is lost, each command fails with a text of its own: one line is enough.
    if (this.#logged.has(what)) return;
    if ((isGone || what === SILENT) && this.#isGoneLogged()) return;
    this.#logged.add(what);
    this.#log.warn(
      `state store ${this.#driver} ${what}${causeOf(during, isGone, code, error)}; requests are served from memory, and the store is tried again every few seconds`,
    );
  }

  #isGoneLogged(): boolean {
    return this.#logged.has(UNREACHABLE) || this.#logged.has(SILENT);
  }

  #callListener(fault: StateFault): void {
    try {
      this.#onFault?.(fault);
    } catch {
      this.#log.error("state: the `onFault` listener threw an error");
    }
  }
}

function causeOf(during: During, isGone: boolean, code: string, error: unknown): string {
  const denial = denialOf(error);
  if (denial !== undefined) return `: ${denial}`;
  if (error instanceof StoreTimeout)
    return ` within ${error.limit / 1_000} s: check that it runs and can be reached`;
  if (isGone) return ` (${code}): check that it runs, and the address in the options of its driver`;
  const words = wordsOf(error);
  const check = during === "crypto" ? "`secret`" : "the permissions and the space of the store";
  return ` (${words === undefined ? code : `${code}: ${words}`}): check ${check}`;
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return readFault(error).code ?? error.name;
}
