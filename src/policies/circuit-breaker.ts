// One circuit breaker for each endpoint: after several server or network failures in a row, the endpoint is not called for a while (F2).
import type { Endpoint } from "../contract/target.ts";

export interface CircuitOptions {
  /** Number of failures in a row that open a circuit; `false`: a circuit never opens. */
  after: number | false;
  /** The failures must lie within this time, in ms. */
  within: number;
  /** How long a circuit stays open before a half-open probe, in ms. Each probe that fails doubles it, up to `LONGEST`. */
  openFor: number;
}

/** What one call reports of its endpoint. Only the first report counts. */
export interface CircuitCall {
  endpoint: Endpoint;
  /** The endpoint has answered, with any status. */
  answered(now: number): void;
  /** The endpoint has failed. True if the circuit has opened because of it. */
  failed(now: number): boolean;
  /** The call has ended without a result. */
  end(): void;
}

interface Circuit {
  failures: number;
  /** When the first failure of this row occurred, UTC epoch ms. */
  since: number;
  /** Number of times in a row that it has opened. */
  opened: number;
  openedAt: number;
  openUntil: number;
  /** A half-open probe is under way until then at most (F4); 0 if none is. */
  probeUntil: number;
}

/** The longest time that a circuit stays open, in ms. */
const LONGEST = 300_000;
/** After this time, in ms, a probe without a result makes way for another. */
const PROBE = 60_000;

/** The name of an endpoint, as the status shows it: origin and base path. */
export function nameOf({ origin, basePath }: Endpoint): string {
  return origin + basePath;
}

export class CircuitBreaker {
  readonly #options: CircuitOptions;
  readonly #circuits = new Map<string, Circuit>();

  constructor(options: CircuitOptions) {
    this.#options = options;
  }

  /** Until when an endpoint is not called, UTC epoch ms; 0 if it may be called now. During a probe it is `now`. */
  openUntil(endpoint: Endpoint, now: number): number {
    // Usually there is no circuit, and no name is built.
    if (this.#circuits.size === 0) return 0;
    const circuit = this.#circuits.get(nameOf(endpoint));
    if (!circuit || circuit.opened === 0) return 0;
    if (circuit.openUntil > now) return circuit.openUntil;
    return circuit.probeUntil > now ? now : 0;
  }

  /** Admits a call that is sent now. To be called only if `openUntil` is 0. */
  enter(endpoint: Endpoint, now: number): CircuitCall {
    const circuit = this.#circuits.size === 0 ? undefined : this.#circuits.get(nameOf(endpoint));
    const probed = circuit !== undefined && circuit.opened > 0 ? circuit : undefined;
    return new AdmittedCall(this, endpoint, now, probed);
  }

  /** Circuits that are not closed, by the name of the endpoint. */
  open(now: number): { name: string; until: number; failures: number }[] {
    return [...this.#circuits]
      .filter(([, { opened }]) => opened > 0)
      .map(([name, { openUntil, failures }]) => ({
        name,
        until: Math.max(openUntil, now),
        failures,
      }));
  }

  /** Applies an answer at `at` to a call that was sent at `sentAt`. */
  answered(endpoint: Endpoint, sentAt: number, at: number): void {
    if (this.#circuits.size === 0 || at < sentAt) return;
    const name = nameOf(endpoint);
    const known = this.#circuits.get(name);
    // A call that was sent before the circuit opened shows nothing about the time after it.
    const isOld = known !== undefined && known.opened > 0 && sentAt <= known.openedAt;
    if (!isOld) this.#circuits.delete(name);
  }

  /** Applies a failure. True if the circuit has opened because of it. */
  failed(endpoint: Endpoint, sentAt: number, isProbe: boolean, now: number): boolean {
    const { after, within, openFor } = this.#options;
    if (after === false) return false;
    const name = nameOf(endpoint);
    const circuit = this.#circuits.get(name) ?? createCircuit(now);
    this.#circuits.set(name, circuit);
    // A call that was sent before the circuit opened shows nothing new.
    if (circuit.opened > 0 && !isProbe && sentAt <= circuit.openedAt) return false;
    if (now - circuit.since > within) [circuit.failures, circuit.since] = [0, now];
    circuit.failures++;
    if (!isProbe && circuit.failures < (after || Infinity)) return false;
    circuit.openUntil = now + Math.min(openFor * 2 ** circuit.opened, LONGEST);
    circuit.opened++;
    circuit.openedAt = now;
    circuit.probeUntil = 0;
    return true;
  }
}

class AdmittedCall implements CircuitCall {
  readonly endpoint: Endpoint;
  readonly #breaker: CircuitBreaker;
  readonly #sentAt: number;
  /** The circuit that this call probes; `undefined` for an ordinary call. */
  readonly #probed: Circuit | undefined;
  #hasReported = false;

  constructor(
    breaker: CircuitBreaker,
    endpoint: Endpoint,
    sentAt: number,
    probed: Circuit | undefined,
  ) {
    this.endpoint = endpoint;
    this.#breaker = breaker;
    this.#sentAt = sentAt;
    this.#probed = probed;
    if (probed) probed.probeUntil = sentAt + PROBE;
  }

  answered(at: number): void {
    if (this.#isFirst()) this.#breaker.answered(this.endpoint, this.#sentAt, at);
  }

  failed(at: number): boolean {
    const isProbe = this.#probed !== undefined;
    return this.#isFirst() && this.#breaker.failed(this.endpoint, this.#sentAt, isProbe, at);
  }

  end(): void {
    const probed = this.#probed;
    if (this.#isFirst() && probed?.probeUntil === this.#sentAt + PROBE) probed.probeUntil = 0;
  }

  #isFirst(): boolean {
    return !this.#hasReported && (this.#hasReported = true);
  }
}

function createCircuit(now: number): Circuit {
  return { failures: 0, since: now, opened: 0, openedAt: 0, openUntil: 0, probeUntil: 0 };
}
