// The commit gate (I1): while closed, it holds the response, so that another attempt can replace it; when open, it passes everything on.
import type { ReplyHeaders } from "../contract/transport.ts";
import { ByteCollector } from "../shared/byte-collector.ts";
import { NO_BYTES } from "../shared/bytes.ts";
import type { Delivery } from "./delivery.ts";
import { type Break, interrupted, type ReplyResult } from "./reply-result.ts";
import type { RequestTimers } from "./request-timers.ts";
import type { UpstreamTimeouts } from "./upstream-timeouts.ts";

/** Status and headers of the upstream's response. */
export interface ReplyHead {
  status: number;
  headers: ReplyHeaders;
}

/** Only server-sent events fit a stream whose head was sent early. */
export type BodyKind = "events" | "other";

export interface CommitGateOptions {
  delivery: Delivery;
  timers: RequestTimers;
  /** Sends status and headers to the client. */
  commit(status: number, headers: ReplyHeaders, isEventStream: boolean): void;
  /** The first payload has been sent to the client. */
  onOpen(): void;
}

/** Maximum size of a refusal that is kept in order to send it to the client (E5), in bytes. */
export const REFUSAL_SIZE = 1_048_576;

export class CommitGate {
  readonly status: number;
  /** Dropped once they have been sent: a stream of an hour does not keep them. */
  #headers: ReplyHeaders | undefined;
  readonly #options: CommitGateOptions;
  readonly #watch: UpstreamTimeouts;
  #state: "closed" | "open" = "closed";
  /** Created by the first bytes that are held: most streams hold none. */
  #held: ByteCollector | undefined;

  constructor(head: ReplyHead, options: CommitGateOptions, watch: UpstreamTimeouts) {
    this.status = head.status;
    this.#headers = head.headers;
    this.#options = options;
    this.#watch = watch;
  }

  /** A header of the response, by its name in lower case. */
  header(name: string): string | undefined {
    return this.#headers?.get(name);
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Number of bytes held. */
  get heldLength(): number {
    return this.#held?.length ?? 0;
  }

  /** Holds bytes; returns the number of bytes held now. */
  hold(bytes: Uint8Array): number {
    if (bytes.length > 0) (this.#held ??= new ByteCollector()).add(bytes);
    return this.heldLength;
  }

  readHeld(): Uint8Array {
    return this.#held?.bytes() ?? NO_BYTES;
  }

  /** Sends the head and everything held in the same turn. False where another kind of response was already begun. */
  open(now: number, kind: BodyKind): boolean {
    const options = this.#options;
    if (kind === "other" && options.delivery.isEventStream) return false;
    options.timers.clear("commit");
    options.commit(this.status, this.#headers!, kind === "events");
    this.#headers = undefined;
    this.#state = "open";
    const held = this.readHeld();
    this.drop();
    if (held.length > 0) this.pass(held, now);
    options.onOpen();
    return true;
  }

  /** Passes bytes through the open gate; false while the client reads too slowly. */
  pass(bytes: Uint8Array, now: number): boolean {
    const goOn = this.#options.delivery.pass(bytes, now);
    if (!goOn) this.#watch.pause(now);
    return goOn;
  }

  /** Payload has arrived (I7, I8). Returns when the next one is to be reported, UTC epoch ms. */
  sawPayload(now: number): number {
    return this.#watch.sawPayload(now);
  }

  /** Every byte of this body is payload. */
  bytesArePayload(): void {
    this.#watch.bytesArePayload();
  }

  /** While an event is partly sent, nothing may be inserted. */
  setInsideEvent(isInside: boolean): void {
    this.#options.delivery.isInsideEvent = isInside;
  }

  /** Drops the held bytes. */
  drop(): void {
    this.#held = undefined;
  }

  /** The result of a response that proved to be a refusal. Only while the gate is closed. */
  refused(body: Uint8Array, inStream: boolean): ReplyResult {
    const { status } = this;
    const headers = this.#headers!;
    return { kind: "refused", status, headers, body: body.subarray(0, REFUSAL_SIZE), inStream };
  }

  /** The result of an interrupted response: while the gate is closed, nothing has reached the client. */
  broken(why: Break): ReplyResult {
    return this.isOpen ? interrupted(why) : { kind: "failed", ...why };
  }
}
