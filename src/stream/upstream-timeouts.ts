// How long an upstream may send nothing: until the connection is open (I9), until the first byte and payload (I7), between them (I8).
import type { Clock } from "../contract/clock.ts";
import type { Dialect } from "../contract/dialect.ts";
import type { Silence } from "../contract/transport.ts";
import { isAIDialect } from "../shared/ai-dialect.ts";
import type { RequestTimers } from "./request-timers.ts";

export interface Timeouts {
  /** Time to open a connection, in ms. */
  connectTimeout: number;
  /** Time from sending a request for a stream to the first byte of the body, in ms. */
  firstByteTimeout: number;
  /** The same for other requests, whose answer begins when it is complete. */
  responseTimeout: number;
  /** Time from sending to the first payload, in ms; not in the dialect `generic`. */
  firstPayloadTimeout: number | false;
  /** Time between two bytes, in ms. */
  idleTimeout: number;
  /** Time between two payloads, in ms; not in the dialect `generic`. */
  payloadIdleTimeout: number | false;
}

/** What decides which timeouts apply to a call. */
export interface TimedCall {
  dialect: Pick<Dialect, "name">;
  wantsStream: boolean;
  timeouts: Timeouts;
}

export interface UpstreamTimeoutsOptions extends TimedCall {
  clock: Clock;
  timers: RequestTimers;
}

/** A limit that applies to a call, and the option that sets it. */
export interface AppliedLimit {
  option: string;
  /** In ms. */
  limit: number;
}

/**
 * Share of `payloadIdleTimeout` in which one payload is recognized at most: most events of a stream need not be parsed. The deadline
 * is later by the same share.
 */
const LOOK_SHARE = 1 / 64;

export class UpstreamTimeouts {
  readonly #options: UpstreamTimeoutsOptions;
  readonly #onSilence: () => void;
  #waitsFor: "connection" | "head" | "first byte" | "next byte" | "rest of a refusal" = "head";
  /** Which payload the deadline `payload` is for. */
  #payload: "none" | "first" | "next" = "none";
  #sentAt = 0;
  /** While the relay does not read: how much time is left for the payload, in ms. */
  #payloadLeft: number | undefined;

  constructor(options: UpstreamTimeoutsOptions, onSilence: () => void) {
    this.#options = options;
    this.#onSilence = onSilence;
  }

  /** The request has been passed to the transport. A transport that cannot report a connection has no connect timeout. */
  start(tellsConnect: boolean): void {
    const { clock, timers, timeouts } = this.#options;
    const now = (this.#sentAt = clock.now());
    if (tellsConnect) {
      this.#waitsFor = "connection";
      timers.set("connect", now + timeouts.connectTimeout, this.#onSilence);
    }
    timers.set("firstByte", now + firstByteLimit(this.#options).limit, this.#onSilence);
  }

  connected(): void {
    if (this.#waitsFor === "connection") this.#waitsFor = "head";
    this.#options.timers.clear("connect");
  }

  /** The head of the answer has arrived. */
  answered(): void {
    this.connected();
    this.#waitsFor = "first byte";
  }

  /** What is waited for now; after a timeout, its name. */
  get silence(): Silence {
    if (this.#waitsFor === "connection") return "connect-timeout";
    if (this.#waitsFor === "head") return "timeout";
    if (this.#waitsFor === "first byte") return "body-timeout";
    // A deadline that has passed is no longer set.
    const isPayload =
      this.#payload !== "none" &&
      this.#payloadLeft === undefined &&
      this.#options.timers.dueAt("payload") === Infinity;
    if (!isPayload) return "idle-timeout";
    return this.#payload === "first" ? "payload-timeout" : "payload-idle-timeout";
  }

  /** A byte has arrived. */
  heard(now: number): void {
    const { timers, timeouts } = this.#options;
    if (this.#waitsFor === "next byte") return timers.move("idle", now + timeouts.idleTimeout);
    if (this.#waitsFor !== "first byte") return;
    this.#waitsFor = "next byte";
    timers.clear("firstByte");
    timers.set("idle", now + timeouts.idleTimeout, this.#onSilence);
    const { firstPayloadTimeout } = timeouts;
    if (firstPayloadTimeout === false || !isAIDialect(this.#options.dialect)) return;
    this.#payload = "first";
    timers.set("payload", this.#sentAt + firstPayloadTimeout, this.#onSilence);
  }

  /** Payload has arrived. Returns when the next one is to be reported, UTC epoch ms: an earlier one need not be recognized. */
  sawPayload(now: number): number {
    const { timers, timeouts, dialect } = this.#options;
    const { payloadIdleTimeout } = timeouts;
    if (payloadIdleTimeout === false || !isAIDialect(dialect)) {
      this.bytesArePayload();
      return Infinity;
    }
    const look = payloadIdleTimeout * LOOK_SHARE;
    const within = payloadIdleTimeout + look;
    const isSet = this.#payload !== "none";
    this.#payload = "next";
    if (this.#payloadLeft !== undefined) this.#payloadLeft = within;
    else if (isSet) timers.move("payload", now + within);
    else timers.set("payload", now + within, this.#onSilence);
    return now + look;
  }

  /** Every byte from now on is payload: only the silence between bytes counts. */
  bytesArePayload(): void {
    this.#payload = "none";
    this.#payloadLeft = undefined;
    this.#options.timers.clear("payload");
  }

  /** Sets a deadline for the rest of the response, `within` ms from now. */
  setBodyDeadline(within: number): void {
    const { clock, timers } = this.#options;
    this.#waitsFor = "rest of a refusal";
    timers.set("firstByte", clock.now() + within, this.#onSilence);
  }

  /** While the client does not read, the upstream's silence is caused by the relay: no time passes until `resume`. */
  pause(now: number): void {
    if (this.#waitsFor !== "next byte") return;
    const { timers } = this.#options;
    timers.move("idle", Infinity);
    if (this.#payloadLeft !== undefined || this.#payload === "none") return;
    this.#payloadLeft = timers.dueAt("payload") - now;
    timers.move("payload", Infinity);
  }

  /** The client reads again. */
  resume(now: number): void {
    this.heard(now);
    if (this.#payloadLeft === undefined) return;
    this.#options.timers.move("payload", now + this.#payloadLeft);
    this.#payloadLeft = undefined;
  }

  stop(): void {
    const { timers } = this.#options;
    timers.clear("connect");
    timers.clear("firstByte");
    timers.clear("idle");
    timers.clear("payload");
  }
}

/** How long the first byte of a call may take: no longer than its first payload. */
function firstByteLimit({ dialect, wantsStream, timeouts }: TimedCall): AppliedLimit {
  const option = wantsStream ? "firstByteTimeout" : "responseTimeout";
  const { [option]: limit, firstPayloadTimeout } = timeouts;
  if (firstPayloadTimeout === false || firstPayloadTimeout >= limit || !isAIDialect(dialect))
    return { option: `streaming.${option}`, limit };
  return { option: "streaming.firstPayloadTimeout", limit: firstPayloadTimeout };
}

/** The limit behind a timeout. */
export function limitBehind(silence: Silence, call: TimedCall): AppliedLimit {
  const { connectTimeout, firstPayloadTimeout, idleTimeout, payloadIdleTimeout } = call.timeouts;
  const first = firstByteLimit(call);
  switch (silence) {
    case "connect-timeout":
      return first.limit < connectTimeout
        ? first
        : { option: "streaming.connectTimeout", limit: connectTimeout };
    case "payload-timeout":
      return { option: "streaming.firstPayloadTimeout", limit: firstPayloadTimeout || 0 };
    case "idle-timeout":
      return { option: "streaming.idleTimeout", limit: idleTimeout };
    case "payload-idle-timeout":
      return { option: "streaming.payloadIdleTimeout", limit: payloadIdleTimeout || 0 };
    default:
      return first;
  }
}
