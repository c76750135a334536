// How long an upstream may send nothing: until the connection is open (I9), until the first byte (I7), between bytes (I8).
import type { Clock } from "../contract/clock.ts";
import type { Silence } from "../contract/transport.ts";
import type { RequestTimers } from "./request-timers.ts";

export interface Timeouts {
  /** Time to open a connection, in ms. */
  connectTimeout: number;
  /** Time from sending to the first byte of the body, in ms. */
  firstByteTimeout: number;
  /** Time between two bytes, in ms. */
  idleTimeout: number;
}

export interface UpstreamTimeoutsOptions {
  clock: Clock;
  timers: RequestTimers;
  timeouts: Timeouts;
}

export class UpstreamTimeouts {
  readonly #options: UpstreamTimeoutsOptions;
  readonly #onSilence: () => void;
  #waitsFor: "connection" | "first byte" | "next byte" | "rest of a refusal" = "first byte";

  constructor(options: UpstreamTimeoutsOptions, onSilence: () => void) {
    this.#options = options;
    this.#onSilence = onSilence;
  }

  /** The request has been passed to the transport. A transport that cannot report a connection has no connect timeout. */
  start(tellsConnect: boolean): void {
    const { clock, timers, timeouts } = this.#options;
    const now = clock.now();
    if (tellsConnect) {
      this.#waitsFor = "connection";
      timers.set("connect", now + timeouts.connectTimeout, this.#onSilence);
    }
    timers.set("firstByte", now + timeouts.firstByteTimeout, this.#onSilence);
  }

  connected(): void {
    if (this.#waitsFor === "connection") this.#waitsFor = "first byte";
    this.#options.timers.clear("connect");
  }

  /** What is waited for now; after a timeout, its name. */
  get silence(): Silence {
    if (this.#waitsFor === "connection") return "connect-timeout";
    return this.#waitsFor === "next byte" ? "idle-timeout" : "timeout";
  }

  /** A byte has arrived. */
  heard(now: number): void {
    const { timers, timeouts } = this.#options;
    if (this.#waitsFor === "next byte") return timers.move("idle", now + timeouts.idleTimeout);
    if (this.#waitsFor !== "first byte") return;
    this.#waitsFor = "next byte";
    timers.clear("firstByte");
    timers.set("idle", now + timeouts.idleTimeout, this.#onSilence);
  }

  /** Sets a deadline for the rest of the response, `within` ms from now. */
  setBodyDeadline(within: number): void {
    const { clock, timers } = this.#options;
    this.#waitsFor = "rest of a refusal";
    timers.set("firstByte", clock.now() + within, this.#onSilence);
  }

  /** While the client does not read, the upstream's silence is caused by the relay. The next byte ends this state. */
  pause(): void {
    if (this.#waitsFor === "next byte") this.#options.timers.move("idle", Infinity);
  }

  stop(): void {
    const { timers } = this.#options;
    timers.clear("connect");
    timers.clear("firstByte");
    timers.clear("idle");
  }
}
