// The state of one request: its call, what the client has received, and what ends a wait early.
import type { InboundCall } from "../contract/inbound-call.ts";
import type { Clock } from "../contract/clock.ts";
import type { EndReason } from "../contract/end-reason.ts";
import type { Sink } from "../contract/sink.ts";
import type { Target } from "../contract/target.ts";
import type { Usage, UsageStatus } from "../contract/dialect.ts";
import type { DisconnectPolicy } from "../options/group-types.ts";
import type { ReadRequest } from "../http/read-request.ts";
import type { SentSecrets } from "../observe/sent-secrets.ts";
import type { HeldBody } from "../callers/body-budget.ts";
import type { CallerSlot } from "../callers/caller-slots.ts";
import type { ErrorCode } from "../shared/errors.ts";
import type { Bagged } from "../shared/bag.ts";
import { RelayError } from "../shared/errors.ts";
import { Delivery } from "../stream/delivery.ts";
import { RequestTimers } from "../stream/request-timers.ts";

/** How a request ended. */
export interface RequestOutcome {
  reason: EndReason;
  error?: ErrorCode;
}

export interface RequestContextOptions {
  /** Silence towards the client before a comment is sent, in ms; 0 = never. */
  heartbeat: number;
  /** What happens to the response when the client has left (I12). */
  policyOf: (call: InboundCall) => DisconnectPolicy;
  /** How long the rest of a response is read after the client has left, in ms. */
  drainTimeout: number;
  drainBytes: number;
  /** How long a client may take nothing of what waits for it, in ms, before it counts as gone (I22). */
  clientStallTimeout: number | false;
}

/** Something that a request waits for, and that can be ended early. */
export interface Interruptible {
  interrupt(error: RelayError): void;
}

export class RequestContext implements Bagged {
  place = 0;
  readonly id: string;
  readonly call: InboundCall;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly timers: RequestTimers;
  readonly delivery: Delivery;
  caller: string | undefined;
  /** The slot that counts the request for its caller (N10). */
  slot: CallerSlot | undefined;
  asked: ReadRequest | undefined;
  /** The count of the bytes that the request's body holds (N4). */
  heldBody: HeldBody | undefined;
  target: Target | undefined;
  /** Id and label of the credential that was tried last. */
  credential: { id: string; label: string } | undefined;
  /** What its failed attempts have sent; `undefined` before one has failed. */
  sent: SentSecrets | undefined;
  attempts = 0;
  usage: Usage | undefined;
  usageStatus: UsageStatus = "none";
  /** Whether the rest of the response is read for its token counts after the client has left. */
  drain: "none" | "under way" | "over the limit" = "none";
  readonly #options: RequestContextOptions;
  #waitsFor: Interruptible | undefined;
  #ended: RelayError | undefined;

  constructor(
    id: string,
    call: InboundCall,
    sink: Sink,
    clock: Clock,
    options: RequestContextOptions,
  ) {
    this.id = id;
    this.call = call;
    this.clock = clock;
    this.#options = options;
    this.startedAt = clock.now();
    this.timers = new RequestTimers(clock);
    this.delivery = new Delivery({
      sink,
      clock,
      timers: this.timers,
      heartbeat: options.heartbeat,
      stallTimeout: options.clientStallTimeout,
      owner: this,
    });
  }

  /** Why nothing new may be started for this request; `undefined` while it is in progress. */
  get ended(): RelayError | undefined {
    return this.#ended;
  }

  /** Ends the request from outside: the client has left, the deadline has passed, the relay shuts down. */
  interrupt(error: RelayError): void {
    if (this.#ended) return;
    this.#ended = error;
    const wait = this.#waitsFor;
    this.#waitsFor = undefined;
    wait?.interrupt(error);
  }

  /** The client has left before the end of the response. */
  onLeft(): void {
    const policy = this.#options.policyOf(this.call);
    if (policy === "detach") return;
    // Before the first payload there are no token counts, and possibly nothing to read.
    if (policy === "drain" && this.delivery.hasPayload) this.#readOn();
    else this.interrupt(new RelayError("ERR_RELAY_CLIENT_GONE"));
  }

  #readOn(): void {
    const { drainTimeout, drainBytes } = this.#options;
    const giveUp = (): void => {
      this.drain = "over the limit";
      this.interrupt(new RelayError("ERR_RELAY_CLIENT_GONE"));
    };
    let left = drainBytes;
    this.drain = "under way";
    this.timers.set("drain", this.clock.now() + drainTimeout, giveUp);
    const lose = (length: number): void => void ((left -= length) < 0 && giveUp());
    this.delivery.onLost = lose;
  }

  /** The request is not sent again: its body, which may be large, is not kept for the duration of the stream. */
  forgetBody(): void {
    this.heldBody?.release();
    this.heldBody = undefined;
    if (!this.asked) return;
    this.asked.body = undefined;
    this.asked.json = undefined;
    this.asked.scan = undefined;
  }

  /** Stores the token counts of a response (I17). They cover the whole response only where it was complete. */
  noteUsage(usage: Usage | undefined, isWhole: boolean): void {
    this.usage = usage;
    this.usageStatus = usage === undefined ? "none" : isWhole ? "reported" : "partial";
  }

  /** Throws when the request has ended; called after every await. */
  check(): void {
    if (this.#ended) throw this.#ended;
  }

  /** Waits for a promise, but no longer than the request is in progress. */
  during<T>(work: Promise<T> | T): Promise<T> | T {
    this.check();
    if (!(work instanceof Promise)) return work;
    // Written without `async`: its frame would stay in memory with every open stream.
    return new Promise<T>((resolve, reject) => {
      this.#waitsFor = { interrupt: reject };
      const over = (): void => void (this.#waitsFor = undefined);
      work.then(
        (value) => (over(), resolve(value)),
        (error) => (over(), reject(error as Error)),
      );
    });
  }

  /** Waits until `until` (UTC epoch ms), or until `wakeUp` is called. */
  async sleep(until: number, onAsleep?: (wakeUp: () => void) => void): Promise<void> {
    const nap = new Promise<void>((resolve) => {
      if (until !== Infinity) this.timers.set("wait", until, resolve);
      onAsleep?.(resolve);
    });
    try {
      await this.during(nap);
    } finally {
      this.timers.clear("wait");
    }
  }

  /** Sets what is interrupted when the request ends; `undefined` for nothing. */
  waitsFor(wait: Interruptible | undefined): void {
    this.#waitsFor = wait;
  }
}
