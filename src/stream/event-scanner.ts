// Finds where server-sent events (or lines of NDJSON) end, beside the bytes: what goes on to the client is never rebuilt.
import type { StreamEvent } from "../contract/dialect.ts";
import { joinBytes, NO_BYTES } from "../shared/bytes.ts";

const LF = 10;
const CR = 13;

// Events are decoded whole: nothing is carried from one to the next.
const decoder = new TextDecoder();

/** What the visitor of an event wants: to go on, to end the stream with this event, or to take the event out of the bytes. */
export type Visit = "go" | "stop" | "drop";

export interface EventVisitor {
  /** Told of each whole event, before its bytes are given back. */
  visit(event: StreamEvent): Visit;
}

/** How borders are found: a blank line (SSE, WHATWG HTML § 9.2), or any line end (NDJSON). */
export type Framing = "sse" | "ndjson";

/**
 * Takes chunks as they come and gives back the bytes up to the last whole event. What follows is kept until its
 * event is whole, so that a stream that dies never leaves half an event with the client (I2).
 */
export class EventScanner {
  readonly #framing: Framing;
  readonly #visitor: EventVisitor;
  readonly #limit: number;
  #pending: Uint8Array = NO_BYTES;
  #pendingLength = 0;
  /** State of the line machine at the end of what has been seen. */
  #lineLength = 0;
  /**
   * Whether the last byte was a CR: `taken` for a line end, so that an LF after it is none; or `waiting`, in a stream
   * whose lines end in CRLF, so that an event never goes out without its last byte.
   */
  #cr: "none" | "taken" | "waiting" = "none";
  #usesCRLF = false;
  #hasStopped = false;
  #isOversize = false;
  /** The last event was taken out, and a line end of its own may still come. */
  #hasDropped = false;
  /** Where the bytes being scanned have events that are taken out: start and end of each. */
  #cuts: number[] | undefined;

  constructor(framing: Framing, limit: number, visitor: EventVisitor) {
    this.#framing = framing;
    this.#limit = limit;
    this.#visitor = visitor;
  }

  /** True once a visitor has ended the stream; nothing is taken any more. */
  get hasStopped(): boolean {
    return this.#hasStopped;
  }

  /** True while the client has been given the beginning of an event that was too long to be kept. */
  get isInsideEvent(): boolean {
    return this.#isOversize;
  }

  /** Takes a chunk and returns what may go to the client now, possibly nothing. */
  push(chunk: Uint8Array): Uint8Array {
    if (this.#hasStopped) return NO_BYTES;
    const text = this.#readWhole(chunk);
    if (text !== undefined) return this.#tell(text) === "drop" ? NO_BYTES : chunk;
    const bytes = this.#pendingLength === 0 ? chunk : this.#append(chunk);
    const end = this.#scan(bytes, bytes.length - chunk.length);
    return this.#withoutCuts(this.#split(bytes, end));
  }

  /**
   * The text of a chunk that is just one event, as most are: to see that in its text costs a fraction of the walk over its
   * bytes. `undefined` where it may be anything else.
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

  /** Gives back what is left at the end of the stream: an event without its blank line, which a parser would drop. */
  rest(): Uint8Array {
    const rest = this.#pending.subarray(0, this.#pendingLength);
    this.#pending = NO_BYTES;
    this.#pendingLength = 0;
    return this.#withoutCuts(rest);
  }

  /** Visits the last line of NDJSON or the last event even though its end is missing. */
  visitRest(): void {
    const rest = this.#pending.subarray(0, this.#pendingLength);
    if (rest.length > 0 && !this.#isOversize) this.#see(rest, 0, rest.length);
  }

  /** Walks over the new bytes and returns the end of the last whole event in `bytes`, or 0. */
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

  /** Goes on behind a CR that ended the last chunk; returns where the next event starts, and where to read on. */
  #afterCR(bytes: Uint8Array, at: number): [start: number, at: number] {
    const end = bytes[at] === LF ? at + 1 : at;
    const cr = this.#cr;
    this.#cr = "none";
    // The LF belongs to a line end that was taken for whole already; after an event's last line it is that event's.
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
  }

  #tell(text: string): Visit {
    const event = this.#framing === "sse" ? parseEvent(text) : toRecord(text);
    const visit = event ? this.#visitor.visit(event) : "go";
    if (visit === "stop") this.#hasStopped = true;
    this.#hasDropped = visit === "drop";
    return visit;
  }

  #cut(start: number, end: number): void {
    (this.#cuts ??= []).push(start, end);
  }

  /** Takes the events that were dropped out of bytes that begin where those scanned began. */
  #withoutCuts(bytes: Uint8Array): Uint8Array {
    const cuts = this.#cuts;
    if (!cuts) return bytes;
    this.#cuts = undefined;
    const kept: Uint8Array[] = [];
    let from = 0;
    for (let nth = 0; nth < cuts.length; nth += 2) {
      if (cuts[nth]! > from) kept.push(bytes.subarray(from, cuts[nth]));
      from = cuts[nth + 1]!;
    }
    if (from < bytes.length) kept.push(bytes.subarray(from));
    return joinBytes(kept);
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

  // Longer than anybody should have to keep: it goes on unscanned until its border comes (N4).
  #passOversize(bytes: Uint8Array): Uint8Array {
    this.#isOversize = true;
    this.#pending = NO_BYTES;
    this.#pendingLength = 0;
    return bytes;
  }

  /** Adds to what is pending, in a buffer that doubles, so that an event in single bytes costs no square. */
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
  // By far the most common shape, one data line with LF, needs no splitting.
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
