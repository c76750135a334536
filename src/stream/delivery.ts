// What the client has got so far: nothing, a head, payload, or all of it. There is one for each request.
import type { RenderedError } from "../contract/dialect.ts";
import type { HeaderList, Sink, SinkListener } from "../contract/sink.ts";
import type { Clock } from "../contract/clock.ts";
import type { RequestTimers } from "./request-timers.ts";

const PING = new TextEncoder().encode(": ping\n\n");
const encoder = new TextEncoder();

/** How an error is written for this client. */
export interface ErrorWriter {
  renderError(error: RenderedError): string;
  renderErrorEvent(error: RenderedError): string;
}

export interface DeliveryOwner {
  /** The client has gone; called once, whatever is under way. */
  onLeft(): void;
}

export interface DeliveryOptions {
  sink: Sink;
  clock: Clock;
  timers: RequestTimers;
  /** Silence towards the client before a comment is sent, ms; 0 = never. */
  heartbeat: number;
  owner: DeliveryOwner;
}

export class Delivery implements SinkListener {
  /** Status sent; `undefined` before commit. */
  status: number | undefined;
  /** True once a byte of an upstream's answer has gone out: from here on nothing is tried again. */
  hasPayload = false;
  isEventStream = false;
  isOver = false;
  bytes = 0;
  firstPayloadAt: number | undefined;
  /** Told when the client reads again. */
  reader: { onDrain(): void } | undefined;
  /** Told the length of what nobody is there to take any more (I12). */
  onLost: ((length: number) => void) | undefined;
  readonly #options: DeliveryOptions;
  #isSlow = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    options.sink.listener = this;
  }

  onDrain(): void {
    if (!this.#isSlow) return;
    this.#isSlow = false;
    this.reader?.onDrain();
  }

  onClose(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#isSlow = false;
    this.#options.owner.onLeft();
    // Whoever goes on without the client is not slowed by it.
    this.reader?.onDrain();
  }

  get isCommitted(): boolean {
    return this.status !== undefined;
  }

  /** True where the client left before it had everything. */
  get isClientGone(): boolean {
    return this.#options.sink.closed;
  }

  /** Sends status and headers. */
  commit(status: number, headers: HeaderList, isEventStream: boolean): void {
    if (this.isCommitted || this.isOver) return;
    const sent = isStatus(status) ? status : 502;
    // First the sink: where it throws, an error can still be told.
    this.#options.sink.head(sent, headers);
    this.status = sent;
    this.isEventStream = isEventStream;
    if (isEventStream && this.#options.heartbeat > 0) this.#beatLater(this.#options.clock.now());
  }

  /** Sends bytes of an upstream's answer; false when the client reads too slowly. */
  pass(bytes: Uint8Array, now: number): boolean {
    if (this.isOver) this.onLost?.(bytes.length);
    if (bytes.length === 0 || this.isOver) return !this.#isSlow;
    if (!this.hasPayload) {
      this.hasPayload = true;
      this.firstPayloadAt = now;
    }
    if (this.isEventStream && this.#options.heartbeat > 0)
      this.#options.timers.move("heartbeat", now + this.#options.heartbeat);
    this.#write(bytes);
    return !this.#isSlow;
  }

  #write(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    if (!this.#options.sink.write(bytes)) this.#isSlow = true;
  }

  #beatLater(now: number): void {
    this.#options.timers.set("heartbeat", now + this.#options.heartbeat, () => this.#beat());
  }

  // A client that does not read gets no more to read; what is sent here always stands between events.
  #beat(): void {
    if (this.isOver) return;
    if (!this.#isSlow && !this.isInsideEvent) this.#write(PING);
    this.#beatLater(this.#options.clock.now());
  }

  /** Set by the reply while an oversize event is half sent: nothing may be put in between. */
  isInsideEvent = false;

  /** The answer is whole. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#options.sink.end();
  }

  /** Tells the client of an error: as an answer of its own, as an event, or, where neither is possible, by breaking off. */
  fail(error: RenderedError, headers: HeaderList, writer: ErrorWriter): void {
    if (this.isOver) return;
    if (!this.isCommitted) {
      this.commit(error.status, [["content-type", "application/json"], ...headers], false);
      this.#write(encoder.encode(writer.renderError(error)));
      return this.end();
    }
    if (!this.isEventStream || this.isInsideEvent) return this.breakOff();
    this.#write(encoder.encode(writer.renderErrorEvent(error)));
    this.end();
  }

  /** Ends so that the client can see that the answer is not whole (I18). */
  breakOff(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#options.sink.destroy();
  }
}

/** Hosts throw at what is no final status of HTTP. */
function isStatus(status: number): boolean {
  return status >= 200 && status <= 599;
}
