// A JSON body: short ones are examined completely before anything is sent, because a 200 may contain an error (B10).
import type { Dialect } from "../../contract/dialect.ts";
import { NO_BYTES } from "../../shared/bytes.ts";
import { parseJson } from "../../shared/json.ts";
import type { CommitGate } from "../commit-gate.ts";
import { type Break, COMPLETED, EMPTY, NOT_STREAMABLE, type ReplyResult } from "../reply-result.ts";
import { TAIL_SIZE, type UsageNotes } from "../usage-notes.ts";
import { ArrayErrors } from "./array-errors.ts";
import type { BodyReader, Step } from "./body-reader.ts";
import { digestEvent } from "./event-digest.ts";
import { Tail } from "./tail.ts";

/** Errors are shorter than this, in bytes. */
const JUDGED_SIZE = 65_536;
const SPACE = 32;
/** This much of a body shows how it begins, in bytes. */
const START_SIZE = 256;

export interface JsonBodyOptions {
  dialect: Dialect;
  /** Whether a response without a byte is a failure (E13). */
  expectsBody: boolean;
  /** Hides the secrets of this request in the text of an error. */
  redact?(text: string): string;
  /** True for a text in place of an answer that says why there is none: `[1305][…]`. */
  isRefusalText?(text: string): boolean;
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
  /** Set for an array, which may end with an error. */
  #errors: ArrayErrors | undefined;

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
      const passed = this.#errors ? this.#errors.push(chunk) : chunk;
      return gate.pass(passed, now) ? "more" : "slow";
    }
    // Once the beginning is known, it is not examined again.
    const isStart = gate.heldLength < START_SIZE;
    const held = gate.hold(chunk);
    if (isStart) this.#mayBeError = mayBeError(gate.readHeld());
    if (held < JUDGED_SIZE && this.#mayBeError) return "more";
    this.#tail = new Tail(TAIL_SIZE);
    this.#tail.add(gate.readHeld());
    this.#errors = this.#errorsIn(gate.readHeld());
    if (this.#errors) this.#hideInHeld(this.#errors);
    if (!gate.open(now, this.kind)) return NOT_STREAMABLE;
    gate.sawPayload(now);
    return gate.pass(NO_BYTES, now) ? "more" : "slow";
  }

  onEnd(now: number): ReplyResult {
    const gate = this.#gate;
    if (gate.isOpen) {
      if (this.#errors) gate.pass(this.#errors.end(), now);
      if (this.#tail) this.#usage.seeTail(decode(this.#tail.bytes()));
      return COMPLETED;
    }
    const held = gate.readHeld();
    const { dialect, expectsBody, isRefusalText } = this.#options;
    const text = decode(held);
    if (expectsBody && text.trim() === "") return EMPTY;
    if (isErrorText(text, dialect)) return gate.refused(held, true);
    const json = parseJson(text);
    if (json === undefined && isRefusalText?.call(this.#options, text))
      return gate.refused(held, true);
    if (dialect.isEmptyAnswer?.(json)) return EMPTY;
    this.#usage.see(text);
    return gate.open(now, this.kind) ? COMPLETED : NOT_STREAMABLE;
  }

  onBreak(why: Break): ReplyResult {
    return this.#gate.broken(why);
  }

  /** The first bytes of an array may contain its error already. */
  #hideInHeld(errors: ArrayErrors): void {
    const held = this.#gate.readHeld();
    this.#gate.drop();
    this.#gate.hold(errors.push(held));
  }

  #errorsIn(held: Uint8Array): ArrayErrors | undefined {
    const { redact } = this.#options;
    if (!redact || !startOf(held).startsWith("[")) return undefined;
    return new ArrayErrors((text) => this.#options.redact!(text));
  }
}

/** True when a text is JSON that the dialect considers an error. */
export function isErrorText(text: string, dialect: Dialect): boolean {
  const data = text.trim();
  if (!/^[{[]/.test(data)) return false;
  return dialect.classifyEvent(digestEvent({ name: "", data }, dialect)) === "error";
}

// Only an object can be an error, an array that begins with one, or a text in brackets: Google streams responses as an array, which must not be delayed.
function mayBeError(held: Uint8Array): boolean {
  const start = startOf(held);
  if (!start.startsWith("[")) return start === "" || start.startsWith("{");
  if (/^\[\d+\]\[/.test(start)) return true;
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
