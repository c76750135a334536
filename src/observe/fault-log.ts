// Logs lasting faults in few lines: the first of each kind, the number of failures once a minute while the fault lasts, and its end (J14).
import type { Clock } from "../contract/clock.ts";
import type { Reporter } from "./reporter.ts";
import { toSpanText } from "../shared/times.ts";

/** What shows that a fault has ended: any response, the first payload of a good response, or a complete response. */
export type Sign = "reached" | "served" | "completed";

/** One failure. Failures with the same subject and kind form one incident. */
export interface Fault {
  /** What failed; the start of the line: `upstream default (api.example.com:443)`. */
  subject: string;
  kind: string;
  /** What happened, with its cause: `connection refused (ECONNREFUSED)`. A function is called only where the line is written. */
  what: string | (() => string);
  /** What the operator can check. */
  advice: string;
  /** The weakest sign that ends the fault; `undefined` where none does. */
  endedBy: Sign | undefined;
}

export interface FaultLog {
  failed(fault: Fault): void;
  /** Reports that the subject works, as far as `sign` shows, for a request that was sent at `sentAt` (UTC epoch ms). */
  well(subject: string, sign: Sign, sentAt: number): void;
  /** True where no incident exists that could end: then `well` need not be called, and no subject need be built. */
  readonly isQuiet: boolean;
}

interface Incident {
  fault: Fault;
  /** Time of the first failure (UTC epoch ms), and the number of failures since. */
  since: number;
  count: number;
  lastAt: number;
  isOpen: boolean;
  /** True where the last line said that it fails, false where it said that it works again; and the time of that line (UTC epoch ms). */
  isLogged: boolean;
  loggedAt: number;
}

/** Time between two lines about the same incident, in ms. */
const EVERY = 60_000;
/** Time without a failure after which the next failure starts a new incident, in ms. */
const QUIET = 600_000;
/** Maximum number of incidents; above it the oldest is dropped. */
const MOST = 1_000;
const RANK: Readonly<Record<Sign, number>> = { reached: 1, served: 2, completed: 3 };

/** Creates the log of faults. It needs no timer: what is due is logged with the next event. */
export function createFaultLog(reporter: Reporter, clock: Clock): FaultLog {
  return new IncidentLog(reporter, clock);
}

class IncidentLog implements FaultLog {
  readonly #reporter: Reporter;
  readonly #clock: Clock;
  /** By subject and kind. */
  readonly #incidents = new Map<string, Incident>();

  constructor(reporter: Reporter, clock: Clock) {
    this.#reporter = reporter;
    this.#clock = clock;
  }

  get isQuiet(): boolean {
    return this.#incidents.size === 0;
  }

  failed(fault: Fault): void {
    const now = this.#clock.now();
    const incident = this.#open(fault, now);
    incident.count++;
    incident.lastAt = now;
    if (now - incident.loggedAt < EVERY) return;
    Object.assign(incident, { isLogged: true, loggedAt: now });
    const { count, since } = incident;
    const counted = count === 1 ? "" : `, ${count} failures in ${toSpanText(now - since)}`;
    const what = typeof fault.what === "string" ? fault.what : fault.what();
    this.#reporter.warn(`${fault.subject}: ${what}${counted}; ${fault.advice}`);
  }

  well(subject: string, sign: Sign, sentAt: number): void {
    if (this.isQuiet) return;
    const now = this.#clock.now();
    const ended = this.#close(subject, sign, sentAt, now).filter(({ isLogged }) => isLogged);
    if (ended.length === 0) return;
    for (const incident of ended) Object.assign(incident, { isLogged: false, loggedAt: now });
    const since = Math.min(...ended.map((incident) => incident.since));
    const count = ended.reduce((sum, incident) => sum + incident.count, 0);
    const isReached = ended.some(({ fault }) => fault.endedBy === "reached");
    const counted = count === 1 ? "1 failure" : `${count} failures`;
    const how = isReached ? "reachable again" : "works again";
    this.#reporter.info(`${subject}: ${how} after ${toSpanText(now - since)}, ${counted}`);
  }

  #open(fault: Fault, now: number): Incident {
    const name = `${fault.subject}\n${fault.kind}`;
    const known = this.#incidents.get(name);
    if (known?.isOpen && now - known.lastAt < QUIET) return Object.assign(known, { fault });
    const { isLogged = false, loggedAt = -Infinity } = known ?? {};
    const incident = { fault, since: now, count: 0, lastAt: now, isOpen: true, isLogged, loggedAt };
    // Deleted first, because the order of the map is the order of the first failures.
    this.#incidents.delete(name);
    this.#incidents.set(name, incident);
    if (this.#incidents.size > MOST) this.#incidents.delete(this.#incidents.keys().next().value!);
    return incident;
  }

  /** Ends the incidents of a subject for which `sign` is sufficient, and drops old ones. */
  #close(subject: string, sign: Sign, sentAt: number, now: number): Incident[] {
    const ended: Incident[] = [];
    for (const [name, incident] of this.#incidents) {
      const { fault, since, isOpen, loggedAt } = incident;
      // Kept for a while: a fault that returns within a minute is not logged more often than one that lasts.
      if (!isOpen && now - loggedAt >= EVERY) this.#incidents.delete(name);
      if (!isOpen || fault.subject !== subject || sentAt < since) continue;
      if (!fault.endedBy || RANK[fault.endedBy] > RANK[sign]) continue;
      incident.isOpen = false;
      ended.push(incident);
    }
    return ended;
  }
}
