// A body of events (SSE) or lines (NDJSON). Each is parsed in addition to the bytes; only complete ones are passed on (I2).
import type { Dialect, StreamEvent, UsageOption } from "../../contract/dialect.ts";
import { joinBytes, NO_BYTES } from "../../shared/bytes.ts";
import type { CommitGate } from "../commit-gate.ts";
import {
  type Break,
  COMPLETED,
  EMPTY,
  isSilence,
  NOT_STREAMABLE,
  type ReplyResult,
  ERROR_FORWARDED,
  TRUNCATED,
} from "../reply-result.ts";
import { type EventVisitor, type Framing, EventScanner, type Visit } from "../event-scanner.ts";
import type { UsageNotes } from "../usage-notes.ts";
import type { BodyReader, Step } from "./body-reader.ts";
import { digestEvent, digestText } from "./event-digest.ts";
import { isErrorText } from "./json-body.ts";

/** The progress of the upstream's stream. A refusal can only follow `lifecycle`. */
type StreamPhase =
  | { is: "lifecycle" }
  | { is: "payload" }
  | { is: "terminal" }
  | { is: "error" }
  | { is: "refusal"; event: StreamEvent };

export interface EventBodyOptions {
  dialect: Dialect;
  /** Maximum size of one event that is kept, and of lifecycle events that are held, in bytes. */
  eventSize: number;
  /** Whether a response without a line is a failure; one without an event always is (E13). */
  expectsBody: boolean;
  /** The option that the relay has added to the request in order to get token counts. */
  usageOption?: UsageOption | undefined;
}

const END_OF_EVENT = new Uint8Array([10, 10]);

export class EventBody implements BodyReader, EventVisitor {
  readonly kind: "events" | "other";
  readonly #gate: CommitGate;
  readonly #framing: Framing;
  readonly #options: EventBodyOptions;
  readonly #usage: UsageNotes;
  readonly #scanner: EventScanner;
  #phase: StreamPhase = { is: "lifecycle" };
  #last: StreamEvent | undefined;

  constructor(gate: CommitGate, framing: Framing, options: EventBodyOptions, usage: UsageNotes) {
    this.#gate = gate;
    this.#framing = framing;
    this.#options = options;
    this.#usage = usage;
    this.kind = framing === "sse" ? "events" : "other";
    this.#scanner = new EventScanner(framing, options.eventSize, this);
  }

  onData(chunk: Uint8Array, now: number): Step {
    const gate = this.#gate;
    const ready = this.#scanner.push(chunk);
    if (this.#phase.is === "refusal") return this.#refused(this.#phase.event);
    gate.setInsideEvent(this.#scanner.isInsideEvent);
    if (!gate.isOpen) {
      gate.hold(ready);
      if (this.#mustWait()) return "more";
      if (!gate.open(now, this.kind)) return NOT_STREAMABLE;
      return this.#after(gate.pass(NO_BYTES, now));
    }
    return this.#after(gate.pass(ready, now));
  }

  // Endless lifecycle events, or one huge event, open the gate, too: they cannot be held for ever.
  #mustWait(): boolean {
    if (this.#phase.is !== "lifecycle" || this.#scanner.isInsideEvent) return false;
    return this.#gate.heldLength < this.#options.eventSize;
  }

  #after(goOn: boolean): Step {
    if (this.#phase.is === "terminal") return COMPLETED;
    if (this.#phase.is === "error") return ERROR_FORWARDED;
    return goOn ? "more" : "slow";
  }

  visit(event: StreamEvent): Visit {
    const { dialect, usageOption } = this.#options;
    const framing = this.#framing;
    this.#last = event;
    this.#seeUsage(event.data);
    // The client has not requested it (I11).
    if (usageOption?.isAnswer(digestEvent(event, dialect))) return "drop";
    // A line of NDJSON may be one failed record among others: it does not end the stream.
    if (this.#phase.is === "payload" && (framing === "ndjson" || !dialect.mayBeSignificant(event)))
      return "go";
    const meaning = dialect.classifyEvent(digestEvent(event, dialect));
    if (meaning === "lifecycle") return "go";
    const isFirst = this.#phase.is === "lifecycle" && !this.#gate.isOpen;
    if (meaning === "error" && isFirst) this.#phase = { is: "refusal", event };
    else if (framing === "ndjson") this.#phase = { is: "payload" };
    else this.#phase = { is: meaning };
    return this.#phase.is === "payload" ? "go" : "stop";
  }

  onEnd(now: number): ReplyResult {
    const gate = this.#gate;
    this.#scanner.visitRest();
    const rest = this.#scanner.rest();
    if (this.#phase.is === "refusal") return this.#refused(this.#phase.event);
    if (!gate.isOpen) return this.#onEarlyEnd(rest, now);
    if (this.#endsWell()) gate.pass(rest, now);
    else if (this.#phase.is === "error") gate.pass(joinBytes([rest, END_OF_EVENT]), now);
    else return TRUNCATED;
    return this.#phase.is === "error" ? ERROR_FORWARDED : COMPLETED;
  }

  #onEarlyEnd(rest: Uint8Array, now: number): ReplyResult {
    const framing = this.#framing;
    const { expectsBody } = this.#options;
    this.#gate.hold(rest);
    const isNothing = this.#phase.is === "lifecycle" && (framing === "sse" || expectsBody);
    if (isNothing) return this.#last ? EMPTY : this.#withoutEvent(now);
    if (!this.#endsWell()) return EMPTY;
    return this.#gate.open(now, this.kind) ? COMPLETED : NOT_STREAMABLE;
  }

  onBreak(why: Break): ReplyResult {
    // Only the end was missing: an upstream without terminal events has kept its connection open.
    if (isSilence(why.fault) && this.#gate.isOpen && this.#endsWell()) return COMPLETED;
    return this.#gate.broken(why);
  }

  // Despite its type this is not a stream: perhaps a JSON body, an error or a response.
  #withoutEvent(now: number): ReplyResult {
    const held = this.#gate.readHeld();
    const text = new TextDecoder().decode(held);
    if (isErrorText(text, this.#options.dialect)) return this.#gate.refused(held, true);
    if (!/^\s*[{[]/.test(text)) return EMPTY;
    this.#seeUsage(text);
    return this.#gate.open(now, "other") ? COMPLETED : NOT_STREAMABLE;
  }

  #endsWell(): boolean {
    const { dialect } = this.#options;
    if (this.#framing === "ndjson" || this.#phase.is === "terminal") return true;
    if (this.#last === undefined || !dialect.isCompleteWith) return false;
    return dialect.isCompleteWith(digestEvent(this.#last, dialect));
  }

  #seeUsage(data: string): void {
    if (data.includes("usage")) this.#usage.see(digestText(data, this.#options.dialect));
  }

  #refused(event: StreamEvent): ReplyResult {
    return this.#gate.refused(new TextEncoder().encode(event.data), true);
  }
}
