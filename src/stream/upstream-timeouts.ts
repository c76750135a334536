// How long an upstream may be silent: until its connection stands (I9), until its first byte (I7), between bytes (I8).
import type { Clock } from "../contract/clock.ts";
import type { Silence } from "../contract/transport.ts";
import type { RequestTimers } from "./request-timers.ts";

export interface Timeouts {
  /** ms */
  connectTimeout: number;
  /** ms, from sending to the first byte of the body */
  firstByteTimeout: number;
  /** ms, between two bytes */
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

  /** The request has been handed over. A transport that cannot tell when it has a connection is not held to the time for one. */
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

  /** What is waited for now; where time has run out, what that is called. */
  get silence(): Silence {
    if (this.#waitsFor === "connection") return "connect-timeout";
    return this.#waitsFor === "next byte" ? "idle-timeout" : "timeout";
  }

  /** A raw byte has come. */
  heard(now: number): void {
    const { timers, timeouts } = this.#options;
    if (this.#waitsFor === "next byte") return timers.move("idle", now + timeouts.idleTimeout);
    if (this.#waitsFor !== "first byte") return;
    this.#waitsFor = "next byte";
    timers.clear("firstByte");
    timers.set("idle", now + timeouts.idleTimeout, this.#onSilence);
  }

  /** Gives the rest of the answer so many ms, however it comes. */
  setBodyDeadline(within: number): void {
    const { clock, timers } = this.#options;
    this.#waitsFor = "rest of a refusal";
    timers.set("firstByte", clock.now() + within, this.#onSilence);
  }

  /** While the client does not read, the upstream's silence is ours. The next byte heard ends this. */
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
