// A JSON body: short ones are examined completely before anything is sent, because a 200 may contain an error (B10).
import type { Dialect } from "../../contract/dialect.ts";
import { joinBytes, NO_BYTES } from "../../shared/bytes.ts";
import type { CommitGate } from "../commit-gate.ts";
import { type Break, COMPLETED, EMPTY, NOT_STREAMABLE, type ReplyResult } from "../reply-result.ts";
import { TAIL_SIZE, type UsageNotes } from "../usage-notes.ts";
import type { BodyReader, Step } from "./body-reader.ts";
import { Tail } from "./tail.ts";

/** Errors are shorter than this, in bytes. */
const JUDGED_SIZE = 65_536;
const SPACE = 32;
/** An element of an array that is an error, and the longest part of its beginning that may be in the chunk before, in bytes. */
const ERROR_ELEMENT = /[[,]\s*\{\s*"error"\s*:/;
const START_OF_ERROR = 32;
/** This much of a body shows how it begins, in bytes. */
const START_SIZE = 256;

export interface JsonBodyOptions {
  dialect: Dialect;
  /** Whether a response without a byte is a failure (E13). */
  expectsBody: boolean;
  /** Hides the secrets of this request in the text of an error. */
  redact?(text: string): string;
}

export class JsonBody implements BodyReader {
  readonly kind = "other";
  readonly #gate: CommitGate;
  readonly #options: JsonBodyOptions;
  readonly #usage: UsageNotes;
  /** What was sent last, unparsed, for the token counts at the end; created when the gate opens. */
  #tail: Tail | undefined;
  /** False as soon as the beginning shows that the body is not an error. */
  #mayBeError = true;
  /** The last bytes of an array that were sent: an error may begin in them. */
  #edge: Tail | undefined;
  /** The error at the end of an array, which is sent when it is complete. */
  #error: Uint8Array[] | undefined;
  #errorLength = 0;

  constructor(gate: CommitGate, options: JsonBodyOptions, usage: UsageNotes) {
    this.#gate = gate;
    this.#options = options;
    this.#usage = usage;
  }

  onData(chunk: Uint8Array, now: number): Step {
    const gate = this.#gate;
    if (gate.isOpen) {
      this.#tail?.add(chunk);
      if (!isBlank(chunk)) gate.sawPayload(now);
      return gate.pass(this.#withoutError(chunk), now) ? "more" : "slow";
    }
    // Once the beginning is known, it is not examined again.
    const isStart = gate.heldLength < START_SIZE;
    const held = gate.hold(chunk);
    if (isStart) this.#mayBeError = mayBeError(gate.readHeld());
    if (held < JUDGED_SIZE && this.#mayBeError) return "more";
    const sent = gate.readHeld();
    this.#tail = new Tail(TAIL_SIZE);
    this.#tail.add(sent);
    if (startOf(sent).startsWith("[")) {
      this.#edge = new Tail(START_OF_ERROR);
      this.#edge.add(sent);
    }
    if (!gate.open(now, this.kind)) return NOT_STREAMABLE;
    gate.sawPayload(now);
    return gate.pass(NO_BYTES, now) ? "more" : "slow";
  }

  onEnd(now: number): ReplyResult {
    const gate = this.#gate;
    if (gate.isOpen) {
      gate.pass(this.#takeError(), now);
      if (this.#tail) this.#usage.seeTail(decode(this.#tail.bytes()));
      return COMPLETED;
    }
    const held = gate.readHeld();
    if (held.length === 0 && this.#options.expectsBody) return EMPTY;
    const text = decode(held);
    if (isErrorText(text, this.#options.dialect)) return gate.refused(held, true);
    this.#usage.see(text);
    return gate.open(now, this.kind) ? COMPLETED : NOT_STREAMABLE;
  }

  onBreak(why: Break): ReplyResult {
    return this.#gate.broken(why);
  }

  /** A stream may be an array whose last element is an error; it may quote a secret, and arrive in parts (J7). */
  #withoutError(chunk: Uint8Array): Uint8Array {
    const edge = this.#edge;
    if (!edge) return chunk;
    if (!this.#error) {
      const isError = ERROR_ELEMENT.test(decode(edge.bytes()) + decode(chunk));
      edge.add(chunk);
      if (!isError) return chunk;
    }
    this.#error = this.#error ?? [];
    this.#error.push(chunk);
    this.#errorLength += chunk.length;
    return this.#errorLength < JUDGED_SIZE ? NO_BYTES : this.#takeError();
  }

  #takeError(): Uint8Array {
    if (!this.#error) return NO_BYTES;
    const error = joinBytes(this.#error);
    this.#error = undefined;
    this.#errorLength = 0;
    const text = decode(error);
    const hidden = this.#options.redact?.(text) ?? text;
    return hidden === text ? error : new TextEncoder().encode(hidden);
  }
}

/** True when a text is JSON that the dialect considers an error. */
export function isErrorText(text: string, dialect: Dialect): boolean {
  const data = text.trim();
  return /^[{[]/.test(data) && dialect.classifyEvent({ name: "", data }) === "error";
}

// Only an object can be an error, or an array that begins with one: Google streams responses as an array, which must not be delayed.
function mayBeError(held: Uint8Array): boolean {
  const start = startOf(held);
  if (!start.startsWith("[")) return start === "" || start.startsWith("{");
  const [, key, isWhole] = /^\[\s*(?:\{\s*(?:"([^"]*)("?)|$)|$)/.exec(start) ?? [
    undefined,
    "",
    true,
  ];
  return key === undefined || !isWhole || /^(?:error|code|message|status|type|object)$/.test(key);
}

/** True for white space, with which some servers keep a connection open. */
function isBlank(chunk: Uint8Array): boolean {
  return chunk.every((byte) => byte <= SPACE);
}

function startOf(held: Uint8Array): string {
  return decode(held.subarray(0, START_SIZE)).trimStart();
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
