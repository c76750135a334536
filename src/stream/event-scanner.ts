// Finds the ends of server-sent events (or lines of NDJSON) in the bytes, which go to the client without being rebuilt.
import type { StreamEvent } from "../contract/dialect.ts";
import { NO_BYTES } from "../shared/bytes.ts";
import { EventCuts } from "./event-cuts.ts";

const LF = 10;
const CR = 13;

// Events are decoded as a whole, so no state is carried from one to the next.
const decoder = new TextDecoder();

/** The visitor's decision on an event: continue, end the stream with this event, remove the event from the bytes, or replace it. */
export type Visit = "go" | "stop" | "drop" | Replacement;

export interface Replacement {
  /** The whole event, with its end. */
  bytes: Uint8Array;
  /** True where the stream ends with this event. */
  isLast: boolean;
}

export interface EventVisitor {
  /** Called for each complete event, before its bytes are returned. `text` is the event as it was sent. */
  visit(event: StreamEvent, text: string): Visit;
}

/** How events end: with a blank line (SSE, WHATWG HTML § 9.2), or with any line end (NDJSON). */
export type Framing = "sse" | "ndjson";

/**
 * Accepts chunks and returns the bytes up to the last complete event. The rest is kept until its event is complete, so that an interrupted
 * stream never leaves a partial event with the client (I2).
 */
export class EventScanner {
  readonly #framing: Framing;
  readonly #visitor: EventVisitor;
  readonly #limit: number;
  #pending: Uint8Array = NO_BYTES;
  #pendingLength = 0;
  /** State of the line parser at the end of the scanned bytes. */
  #lineLength = 0;
  /**
   * Whether the last byte was a CR: `taken` as a line end, so that a following LF is not another one; or `waiting`, in a stream with CRLF
   * line ends, so that an event is never sent without its last byte.
   */
  #cr: "none" | "taken" | "waiting" = "none";
  #usesCRLF = false;
  #hasStopped = false;
  #isOversize = false;
  /** The last event was removed, and its line end may still follow. */
  #hasDropped = false;
  /** The removed and replaced events in the bytes being scanned. */
  #cuts: EventCuts | undefined;

  constructor(framing: Framing, limit: number, visitor: EventVisitor) {
    this.#framing = framing;
    this.#limit = limit;
    this.#visitor = visitor;
  }

  /** True once a visitor has ended the stream; no further bytes are accepted. */
  get hasStopped(): boolean {
    return this.#hasStopped;
  }

  /** True while the client has received the beginning of an event that was too long to be kept. */
  get isInsideEvent(): boolean {
    return this.#isOversize;
  }

  /** Accepts a chunk and returns the bytes that may go to the client now, possibly none. */
  push(chunk: Uint8Array): Uint8Array {
    if (this.#hasStopped) return NO_BYTES;
    const text = this.#readWhole(chunk);
    if (text !== undefined) {
      const visit = this.#tell(text);
      if (typeof visit === "object") return visit.bytes;
      return visit === "drop" ? NO_BYTES : chunk;
    }
    const bytes = this.#pendingLength === 0 ? chunk : this.#append(chunk);
    const end = this.#scan(bytes, bytes.length - chunk.length);
    return this.#withoutCuts(this.#split(bytes, end));
  }

  /**
   * The text of a chunk that is exactly one event, as most are: checking the text costs a fraction of scanning the bytes. `undefined` for
   * any other chunk.
   */
  #readWhole(chunk: Uint8Array): string | undefined {
    const end = chunk.length - 1;
    if (this.#framing !== "sse" || chunk[end] !== LF || chunk[end - 1] !== LF) return undefined;
    if (this.#pendingLength > 0 || this.#lineLength > 0) return undefined;
    if (this.#cr !== "none" || this.#isOversize) return undefined;
    const text = decoder.decode(chunk);
    const isOne = text.indexOf("\n\n") === text.length - 2;
    return isOne && !text.includes("\r") ? text : undefined;
  }

  /** Returns the remaining bytes at the end of the stream: an event without its blank line, which a parser would ignore. */
  rest(): Uint8Array {
    const rest = this.#pending.subarray(0, this.#pendingLength);
    this.#pending = NO_BYTES;
    this.#pendingLength = 0;
    return this.#withoutCuts(rest);
  }

  /** Visits the last line of NDJSON, or the last event, though its end is missing. */
  visitRest(): void {
    const rest = this.#pending.subarray(0, this.#pendingLength);
    if (rest.length > 0 && !this.#isOversize) this.#see(rest, 0, rest.length);
  }

  /** Scans the new bytes and returns the end of the last complete event in `bytes`, or 0. */
  #scan(bytes: Uint8Array, from: number): number {
    return this.#framing === "sse" ? this.#scanEvents(bytes, from) : this.#scanLines(bytes, from);
  }

  #scanLines(bytes: Uint8Array, from: number): number {
    let start = 0;
    for (;;) {
      const at = bytes.indexOf(LF, start === 0 ? from : start);
      if (at < 0 || this.#hasStopped) return start;
      this.#see(bytes, start, at + 1);
      start = at + 1;
    }
  }

  #scanEvents(bytes: Uint8Array, from: number): number {
    let start = 0;
    let at = from;
    if (this.#cr !== "none" && at < bytes.length) [start, at] = this.#afterCR(bytes, at);
    let lineLength = this.#lineLength;
    while (at < bytes.length && !this.#hasStopped) {
      const byte = bytes[at++]!;
      if (byte !== LF && byte !== CR) {
        lineLength++;
        continue;
      }
      if (byte === CR && at === bytes.length) {
        this.#cr = this.#usesCRLF ? "waiting" : "taken";
        if (this.#usesCRLF) break;
      } else if (byte === CR && bytes[at] === LF) {
        this.#usesCRLF = true;
        at++;
      }
      const isBorder = lineLength === 0;
      lineLength = 0;
      if (!isBorder) continue;
      this.#see(bytes, start, at);
      start = at;
    }
    this.#lineLength = lineLength;
    return start;
  }

  /** Continues after a CR at the end of the last chunk; returns where the next event starts, and where to continue. */
  #afterCR(bytes: Uint8Array, at: number): [start: number, at: number] {
    const end = bytes[at] === LF ? at + 1 : at;
    const cr = this.#cr;
    this.#cr = "none";
    // The LF belongs to a line end that was already counted; after the last line of an event it belongs to that event.
    if (cr === "taken") {
      if (end > at) this.#usesCRLF = true;
      const isAfterEvent = at === 0 && !this.#isOversize;
      if (isAfterEvent && this.#hasDropped && end > at) this.#cut(at, end);
      return [isAfterEvent ? end : 0, end];
    }
    const isBorder = this.#lineLength === 0;
    this.#lineLength = 0;
    if (isBorder) this.#see(bytes, 0, end);
    return [isBorder ? end : 0, end];
  }

  #see(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isOversize) {
      this.#isOversize = false;
      return;
    }
    const whole = start === 0 && end === bytes.length;
    const visit = this.#tell(decoder.decode(whole ? bytes : bytes.subarray(start, end)));
    if (visit === "drop") this.#cut(start, end);
    else if (typeof visit === "object") this.#cut(start, end, visit.bytes);
  }

  #tell(text: string): Visit {
    const event = this.#framing === "sse" ? parseEvent(text) : toRecord(text);
    const visit = event ? this.#visitor.visit(event, text) : "go";
    const isReplaced = typeof visit === "object";
    if (visit === "stop" || (isReplaced && visit.isLast)) this.#hasStopped = true;
    this.#hasDropped = visit === "drop" || isReplaced;
    return visit;
  }

  #cut(start: number, end: number, instead?: Uint8Array): void {
    (this.#cuts ??= new EventCuts()).add(start, end, instead);
  }

  /** The bytes without what was cut; they begin where the scanned ones began. */
  #withoutCuts(bytes: Uint8Array): Uint8Array {
    const cuts = this.#cuts;
    this.#cuts = undefined;
    return cuts ? cuts.apply(bytes) : bytes;
  }

  #split(bytes: Uint8Array, end: number): Uint8Array {
    const left = this.#hasStopped ? 0 : bytes.length - end;
    if (left > this.#limit || (left > 0 && this.#isOversize)) return this.#passOversize(bytes);
    if (left === 0) {
      this.#pendingLength = 0;
      this.#pending = NO_BYTES;
      return end === bytes.length ? bytes : bytes.subarray(0, end);
    }
    if (end === 0 && bytes.buffer === this.#pending.buffer && bytes.length === this.#pendingLength)
      return NO_BYTES;
    const out = bytes.subarray(0, end);
    this.#pending = bytes.slice(end);
    this.#pendingLength = left;
    return out;
  }

  // Too long to be kept: the rest of the event passes unscanned until its end (N4).
  #passOversize(bytes: Uint8Array): Uint8Array {
    this.#isOversize = true;
    this.#pending = NO_BYTES;
    this.#pendingLength = 0;
    return bytes;
  }

  /** Appends to the pending bytes, in a buffer that doubles, so that an event in single bytes does not cost quadratic time. */
  #append(chunk: Uint8Array): Uint8Array {
    const length = this.#pendingLength + chunk.length;
    if (length > this.#pending.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#pending.length, 256));
      larger.set(this.#pending.subarray(0, this.#pendingLength));
      this.#pending = larger;
    }
    this.#pending.set(chunk, this.#pendingLength);
    this.#pendingLength = length;
    return this.#pending.subarray(0, length);
  }
}

/** Reads a line of NDJSON, or a record of a JSON sequence (RFC 7464); `undefined` where it is blank. */
function toRecord(line: string): StreamEvent | undefined {
  const data = line.replace(/^\u001E/, "").trim();
  return data === "" ? undefined : { name: "", data };
}

/** Reads the fields of one event; `undefined` where it has no data and no name (a comment, a bare blank line). */
export function parseEvent(text: string): StreamEvent | undefined {
  // By far the most common form, one data line with LF, needs no splitting.
  const end = text.length - 2;
  if (text.indexOf("\n") === end && text.startsWith("data: ") && !text.includes("\r")) {
    return { name: "", data: text.slice(6, end) };
  }
  let name = "";
  let data: string | undefined;
  for (const line of text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(":");
    if (line === "" || colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") name = value;
    else if (field === "data") data = data === undefined ? value : `${data}\n${value}`;
  }
  return data === undefined && name === "" ? undefined : { name, data: data ?? "" };
}
