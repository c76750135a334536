// One circuit for each endpoint: so many server or network failures in a row, whoever met them, and nobody calls it for a while (F2).
import type { Endpoint } from "../contract/target.ts";

export interface CircuitOptions {
  /** Failures in a row that open a circuit; `false` never opens one. */
  after: number | false;
  /** … from the first to the last of them within this time, ms. */
  within: number;
  /** How long it is open at first, ms; each trial that fails doubles it, up to `LONGEST`. */
  openFor: number;
}

/** What a call may tell of its endpoint. Nothing but the first of these counts. */
export interface CircuitCall {
  endpoint: Endpoint;
  /** The endpoint has answered, whatever it said. */
  answered(now: number): void;
  /** It has failed. True where the circuit has opened by it. */
  failed(now: number): boolean;
  /** The call is over without having shown anything. */
  end(): void;
}

export interface CircuitBreaker {
  /** Until when an endpoint is not called, UTC epoch ms; 0 where it may be called now. During a trial `now`. */
  openUntil(endpoint: Endpoint, now: number): number;
  /** Lets a call through that goes out now. Only where `openUntil` is 0. */
  enter(endpoint: Endpoint, now: number): CircuitCall;
  /** Circuits that are not closed, by name of the endpoint. */
  open(now: number): { name: string; until: number; failures: number }[];
}

interface Circuit {
  failures: number;
  /** When the first failure of this row came. */
  since: number;
  /** Times it has opened in a row. */
  opened: number;
  openedAt: number;
  openUntil: number;
  /** A trial is under way until then at most (F4). */
  probeUntil: number;
}

const LONGEST = 300_000;
/** A trial that has shown nothing by then makes room for another. */
const PROBE = 60_000;

export function nameOf({ origin, basePath }: Endpoint): string {
  return origin + basePath;
}

/** What becomes of a circuit when a call tells of it. `trial` is the circuit that the call was let through to try. */
interface CircuitRecorder {
  answered(endpoint: Endpoint, sentAt: number, at: number): void;
  failed(endpoint: Endpoint, sentAt: number, at: number, trial: Circuit | undefined): boolean;
}

class CircuitCallRecord implements CircuitCall {
  readonly endpoint: Endpoint;
  readonly #sentAt: number;
  readonly #trial: Circuit | undefined;
  readonly #book: CircuitRecorder;
  #hasTold = false;

  constructor(
    endpoint: Endpoint,
    sentAt: number,
    trial: Circuit | undefined,
    book: CircuitRecorder,
  ) {
    this.endpoint = endpoint;
    this.#sentAt = sentAt;
    this.#trial = trial;
    this.#book = book;
    if (trial) trial.probeUntil = sentAt + PROBE;
  }

  answered(at: number): void {
    if (this.#isFirst()) this.#book.answered(this.endpoint, this.#sentAt, at);
  }

  failed(at: number): boolean {
    return this.#isFirst() && this.#book.failed(this.endpoint, this.#sentAt, at, this.#trial);
  }

  end(): void {
    const trial = this.#trial;
    if (this.#isFirst() && trial?.probeUntil === this.#sentAt + PROBE) trial.probeUntil = 0;
  }

  #isFirst(): boolean {
    return !this.#hasTold && (this.#hasTold = true);
  }
}

export function createCircuitBreaker({ after, within, openFor }: CircuitOptions): CircuitBreaker {
  const circuits = new Map<string, Circuit>();
  const book: CircuitRecorder = {
    answered(endpoint, sentAt, at) {
      if (circuits.size === 0 || at < sentAt) return;
      const name = nameOf(endpoint);
      const known = circuits.get(name);
      // An answer to what was sent before it opened is of the time before.
      const isOld = known !== undefined && known.opened > 0 && sentAt <= known.openedAt;
      if (!isOld) circuits.delete(name);
    },
    failed: (endpoint, sentAt, at, trial) =>
      after !== false && fail(nameOf(endpoint), sentAt, trial !== undefined, at),
  };

  function openUntil(endpoint: Endpoint, now: number): number {
    // In good times there is nothing here, and no name is made.
    if (circuits.size === 0) return 0;
    const circuit = circuits.get(nameOf(endpoint));
    if (!circuit || circuit.opened === 0) return 0;
    if (circuit.openUntil > now) return circuit.openUntil;
    return circuit.probeUntil > now ? now : 0;
  }

  function fail(name: string, sentAt: number, isTrial: boolean, now: number): boolean {
    const circuit = circuits.get(name) ?? create(now);
    circuits.set(name, circuit);
    // What was sent before it opened proves nothing new.
    if (circuit.opened > 0 && !isTrial && sentAt <= circuit.openedAt) return false;
    if (now - circuit.since > within) [circuit.failures, circuit.since] = [0, now];
    circuit.failures++;
    if (!isTrial && circuit.failures < (after || Infinity)) return false;
    circuit.openUntil = now + Math.min(openFor * 2 ** circuit.opened, LONGEST);
    circuit.opened++;
    circuit.openedAt = now;
    circuit.probeUntil = 0;
    return true;
  }

  return {
    openUntil,
    enter(endpoint, now) {
      const circuit = circuits.size === 0 ? undefined : circuits.get(nameOf(endpoint));
      const trial = circuit !== undefined && circuit.opened > 0 ? circuit : undefined;
      return new CircuitCallRecord(endpoint, now, trial, book);
    },
    open: (now) =>
      [...circuits]
        .filter(([, { opened }]) => opened > 0)
        .map(([name, { openUntil, failures }]) => ({
          name,
          until: Math.max(openUntil, now),
          failures,
        })),
  };
}

function create(now: number): Circuit {
  return { failures: 0, since: now, opened: 0, openedAt: 0, openUntil: 0, probeUntil: 0 };
}
