// The commit gate (I1): closed, it holds what comes, so that another attempt may take its place; open, it passes everything on.
import type { ReplyHeaders } from "../contract/transport.ts";
import { joinBytes } from "../shared/bytes.ts";
import type { Delivery } from "./delivery.ts";
import { type Break, interrupted, type ReplyResult } from "./reply-result.ts";
import type { RequestTimers } from "./request-timers.ts";
import type { UpstreamTimeouts } from "./upstream-timeouts.ts";

/** Status and headers as the upstream gave them. */
export interface ReplyHead {
  status: number;
  headers: ReplyHeaders;
}

/** Server-sent events fit a stream that was begun by time; nothing else does. */
export type BodyKind = "events" | "other";

export interface CommitGateOptions {
  delivery: Delivery;
  timers: RequestTimers;
  /** Sends status and headers to the client. */
  commit(status: number, headers: ReplyHeaders, isEventStream: boolean): void;
  /** The first payload has gone to the client. */
  onOpen(): void;
}

/** Bytes of a refusal that are kept, so that a client can be given it whole (E5). */
export const REFUSAL_SIZE = 1_048_576;

export class CommitGate {
  readonly status: number;
  /** Needed for nothing once they have been sent: a stream of an hour does not hold them. */
  #headers: ReplyHeaders | undefined;
  readonly #options: CommitGateOptions;
  readonly #watch: UpstreamTimeouts;
  #state: "closed" | "open" = "closed";
  #held: Uint8Array[] = [];
  #heldLength = 0;

  constructor(head: ReplyHead, options: CommitGateOptions, watch: UpstreamTimeouts) {
    this.status = head.status;
    this.#headers = head.headers;
    this.#options = options;
    this.#watch = watch;
  }

  /** A header of the answer, by its name in lower case. */
  header(name: string): string | undefined {
    return this.#headers?.get(name);
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Bytes held. */
  get heldLength(): number {
    return this.#heldLength;
  }

  /** Keeps bytes back; returns how many are held now. */
  hold(bytes: Uint8Array): number {
    if (bytes.length > 0) this.#held.push(bytes);
    return (this.#heldLength += bytes.length);
  }

  readHeld(): Uint8Array {
    if (this.#held.length > 1) this.#held = [joinBytes(this.#held)];
    return joinBytes(this.#held);
  }

  /** Sends the head and everything held in this very turn. False where the client was promised something else meanwhile. */
  open(now: number, kind: BodyKind): boolean {
    const options = this.#options;
    if (kind === "other" && options.delivery.isEventStream) return false;
    options.timers.clear("commit");
    options.commit(this.status, this.#headers!, kind === "events");
    this.#headers = undefined;
    this.#state = "open";
    for (const bytes of this.#held) this.pass(bytes, now);
    this.drop();
    options.onOpen();
    return true;
  }

  /** Sends bytes through the open gate; false while the client reads too slowly. */
  pass(bytes: Uint8Array, now: number): boolean {
    const goOn = this.#options.delivery.pass(bytes, now);
    if (!goOn) this.#watch.pause();
    return goOn;
  }

  /** While an event is half sent nothing may be put in between. */
  setInsideEvent(isInside: boolean): void {
    this.#options.delivery.isInsideEvent = isInside;
  }

  /** Forgets what is held. */
  drop(): void {
    this.#held = [];
    this.#heldLength = 0;
  }

  /** The result of an answer that turned out to be a refusal. Only while the gate is closed. */
  refused(body: Uint8Array, inStream: boolean): ReplyResult {
    const { status } = this;
    const headers = this.#headers!;
    return { kind: "refused", status, headers, body: body.subarray(0, REFUSAL_SIZE), inStream };
  }

  /** The result of an answer that broke off: nothing has happened as long as the gate is closed. */
  broken(why: Break): ReplyResult {
    return this.isOpen ? interrupted(why) : { kind: "failed", ...why };
  }
}
