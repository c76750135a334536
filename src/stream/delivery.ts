// What the client of one request has received so far: nothing, a head, payload, or the complete response.
import type { RenderedError } from "../contract/dialect.ts";
import type { HeaderList, Sink, SinkListener } from "../contract/sink.ts";
import type { Clock } from "../contract/clock.ts";
import type { RequestTimers } from "./request-timers.ts";

const PING = new TextEncoder().encode(": ping\n\n");
const encoder = new TextEncoder();

/** Writes an error in the format of this client. */
export interface ErrorWriter {
  renderError(error: RenderedError): string;
  renderErrorEvent(error: RenderedError): string;
}

export interface DeliveryOwner {
  /** The client has left; called once, at any time. */
  onLeft(): void;
}

export interface DeliveryOptions {
  sink: Sink;
  clock: Clock;
  timers: RequestTimers;
  /** Silence towards the client before a comment is sent, in ms; 0 = never. */
  heartbeat: number;
  /** How long a client may take nothing of what waits for it, in ms, before it counts as gone. @default false */
  stallTimeout?: number | false;
  owner: DeliveryOwner;
}

/** How often in its stall timeout a client is looked at: it counts as gone at most one such part later. */
const LOOKS = 10;

export class Delivery implements SinkListener {
  /** Status sent; `undefined` before commit. */
  status: number | undefined;
  /** True once a byte of an upstream's response has been sent: from then on there is no further attempt. */
  hasPayload = false;
  isEventStream = false;
  isOver = false;
  /** True once the client has taken nothing for too long (I22). */
  isStalled = false;
  bytes = 0;
  firstPayloadAt: number | undefined;
  /** Called when the client reads again. */
  reader: { onDrain(): void } | undefined;
  /** Called with the number of bytes that could not be delivered, because the client has left (I12). */
  onLost: ((length: number) => void) | undefined;
  readonly #options: DeliveryOptions;
  #isSlow = false;
  /** While the client is slow: the number of bytes that it has not taken, and when it last took some (UTC epoch ms). */
  #backlog = 0;
  #tookAt = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    options.sink.listener = this;
  }

  onDrain(): void {
    if (!this.#isSlow) return;
    this.#isSlow = false;
    this.#options.timers.clear("stall");
    this.reader?.onDrain();
  }

  onClose(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#isSlow = false;
    this.#options.timers.clear("stall");
    this.#options.owner.onLeft();
    // A reply that continues without the client is not slowed down by it.
    this.reader?.onDrain();
  }

  get isCommitted(): boolean {
    return this.status !== undefined;
  }

  /** True where the client left before the response was complete. */
  get isClientGone(): boolean {
    return this.isStalled || this.#options.sink.closed;
  }

  /** Sends status and headers. */
  commit(status: number, headers: HeaderList, isEventStream: boolean): void {
    if (this.isCommitted || this.isOver) return;
    const sent = isStatus(status) ? status : 502;
    // The sink first: if it throws, an error can still be sent.
    this.#options.sink.head(sent, headers);
    this.status = sent;
    this.isEventStream = isEventStream;
    if (isEventStream && this.#options.heartbeat > 0) this.#beatLater(this.#options.clock.now());
  }

  /** Sends bytes of an upstream's response; false when the client reads too slowly. */
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
    if (!this.#options.sink.write(bytes) && !this.#isSlow) this.#slowDown();
  }

  #slowDown(): void {
    const { sink, clock, stallTimeout = false } = this.#options;
    this.#isSlow = true;
    if (stallTimeout === false || sink.backlog === undefined) return;
    this.#backlog = sink.backlog;
    this.#tookAt = clock.now();
    this.#lookLater(this.#tookAt, stallTimeout);
  }

  #lookLater(now: number, stallTimeout: number): void {
    const at = Math.min(now + stallTimeout / LOOKS, this.#tookAt + stallTimeout);
    this.#options.timers.set("stall", at, () => this.#look(stallTimeout));
  }

  // A slow client takes some bytes long before everything has drained: it is not stalled.
  #look(stallTimeout: number): void {
    const { sink, clock } = this.#options;
    const now = clock.now();
    const backlog = sink.backlog ?? 0;
    if (backlog < this.#backlog) this.#tookAt = now;
    this.#backlog = backlog;
    if (now - this.#tookAt < stallTimeout) return this.#lookLater(now, stallTimeout);
    this.isStalled = true;
    sink.destroy();
    this.onClose();
  }

  #beatLater(now: number): void {
    this.#options.timers.set("heartbeat", now + this.#options.heartbeat, () => this.#beat());
  }

  // A client that does not read gets no comments; they are always sent between events.
  #beat(): void {
    if (this.isOver) return;
    if (!this.#isSlow && !this.isInsideEvent) this.#write(PING);
    this.#beatLater(this.#options.clock.now());
  }

  /** Set by the reply while an oversize event is partly sent: nothing may be inserted. */
  isInsideEvent = false;

  /** The response is complete. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#options.sink.end();
  }

  /** Sends an error to the client: as a response, as an event, or, where neither is possible, by closing the connection. */
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

  /** Ends the response so that the client can see that it is incomplete (I18). */
  breakOff(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#options.sink.destroy();
  }
}

/** Hosts throw on a status that is not a final one in HTTP. */
function isStatus(status: number): boolean {
  return status >= 200 && status <= 599;
}
