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
import {
  type EventVisitor,
  type Framing,
  EventScanner,
  type Replacement,
  type Visit,
} from "../event-scanner.ts";
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
  /** Hides the secrets of this request in the text of an error. */
  redact?(text: string): string;
  /** True for a text in place of a stream that says why there is none: `[1305][…]`. */
  isRefusalText?(text: string): boolean;
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
  /** From when on payload is recognized again, UTC epoch ms: reading each event would cost more than passing it on. */
  #looksAt = -Infinity;
  #isLooking = true;
  #hasPayload = false;
  #wasInsideEvent = false;

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
    this.#isLooking = now >= this.#looksAt;
    const ready = this.#scanner.push(chunk);
    if (this.#phase.is === "refusal") return this.#refused(this.#phase.event);
    const isInside = this.#scanner.isInsideEvent;
    if (isInside !== this.#wasInsideEvent) this.#noteInside(isInside);
    if (this.#hasPayload) this.#notePayload(now);
    if (!gate.isOpen) {
      gate.hold(ready);
      if (this.#mustWait()) return "more";
      if (!gate.open(now, this.kind)) return NOT_STREAMABLE;
      return this.#after(gate.pass(NO_BYTES, now));
    }
    return this.#after(gate.pass(ready, now));
  }

  #noteInside(isInside: boolean): void {
    // An event that was too long to be read counts when it is complete.
    if (!isInside) this.#hasPayload = true;
    this.#wasInsideEvent = isInside;
    this.#gate.setInsideEvent(isInside);
  }

  #notePayload(now: number): void {
    this.#hasPayload = false;
    this.#looksAt = this.#gate.sawPayload(now);
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

  visit(event: StreamEvent, text: string): Visit {
    const { dialect, usageOption } = this.#options;
    const framing = this.#framing;
    this.#last = event;
    this.#seeUsage(event.data);
    // The client has not requested it (I11).
    if (usageOption?.isAnswer(digestEvent(event, dialect))) return "drop";
    // Of lines, those that may be errors are read, too: they may quote a secret (J7).
    if (this.#phase.is === "payload" && !dialect.mayBeSignificant(event)) {
      if (this.#isLooking) this.#look(event);
      return "go";
    }
    const meaning = dialect.classifyEvent(digestEvent(event, dialect));
    if (meaning === "lifecycle") return "go";
    this.#hasPayload = true;
    const isFirst = this.#phase.is === "lifecycle" && !this.#gate.isOpen;
    if (meaning === "error" && isFirst) this.#phase = { is: "refusal", event };
    // A line of NDJSON may be one failed record among others: it does not end the stream.
    else if (framing === "ndjson") this.#phase = { is: "payload" };
    else this.#phase = { is: meaning };
    const isLast = this.#phase.is !== "payload";
    const replacement =
      meaning === "error" && !this.#isRefusal && this.#redacted(event, text, isLast);
    return replacement || (isLast ? "stop" : "go");
  }

  get #isRefusal(): boolean {
    return this.#phase.is === "refusal";
  }

  /** The error without the secrets that it quotes; `undefined` where it quotes none (J7). */
  #redacted({ name, data }: StreamEvent, text: string, isLast: boolean): Replacement | undefined {
    const { redact } = this.#options;
    const hide = (part: string): string => this.#options.redact!(part);
    if (!redact || hide(text) === text) return undefined;
    const lines = hide(data).split("\n");
    const fields = [
      ...(name === "" ? [] : [`event: ${hide(name)}`]),
      ...lines.map((it) => `data: ${it}`),
    ];
    const written = this.#framing === "sse" ? `${fields.join("\n")}\n\n` : `${hide(data)}\n`;
    return { bytes: new TextEncoder().encode(written), isLast };
  }

  /** Whether an event of a response that has begun has payload. Until one has, every event is read. */
  #look(event: StreamEvent): void {
    const { dialect } = this.#options;
    if (dialect.classifyEvent(digestEvent(event, dialect)) === "lifecycle") return;
    this.#hasPayload = true;
    this.#isLooking = false;
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
    if (isErrorText(text, this.#options.dialect) || this.#options.isRefusalText?.(text))
      return this.#gate.refused(held, true);
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
