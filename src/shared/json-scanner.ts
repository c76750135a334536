// Reads JSON in bytes without building it: checks the grammar as `JSON.parse` does, and notes the values on given paths.
import { JsonLevels } from "./json-levels.ts";
import { JsonNotes } from "./json-notes.ts";
import type { PathNode } from "./json-paths.ts";
import {
  AFTER_KEY,
  AFTER_VALUE,
  beginNumber,
  ESCAPES,
  FIRST_ITEM,
  FIRST_KEY,
  IN_CODE,
  IN_ESCAPE,
  IN_LITERAL,
  IN_STRING,
  INVALID,
  isHex,
  KEY,
  LITERALS,
  mayEnd,
  readNumber,
  VALUE,
} from "./json-states.ts";
import type { JsonValue } from "./json-value.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const LOWER_U = 0x75;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

export interface ScanOptions {
  /** Whether only an object is of interest: any other document counts as invalid, at its first byte. @default false */
  objectOnly?: boolean;
  /** Maximum number of items noted; what exceeds it is checked only. @default 10_000 */
  itemLimit?: number;
}

/**
 * Scans a document in steps. Between two steps other work may run; a level of nesting costs one bit. `root` is complete after the last step.
 */
export class JsonScanner {
  readonly #bytes: Uint8Array;
  readonly #notes: JsonNotes;
  readonly #objectOnly: boolean;
  #at = 0;
  #end = 0;
  #state = VALUE;
  readonly #levels: JsonLevels = new JsonLevels();
  /** The scalar on a path that is being read. */
  #scalar: JsonValue | undefined;
  #isKey = false;
  #isValid = false;
  #stringStart = 0;
  /** Digits of `\u` that are missing. */
  #digits = 0;
  #literal: Uint8Array = LITERALS[0]!;
  #literalAt = 0;

  constructor(bytes: Uint8Array, paths: PathNode, options: ScanOptions = {}) {
    this.#bytes = bytes;
    this.#notes = new JsonNotes(paths, options.itemLimit ?? 10_000);
    this.#objectOnly = options.objectOnly ?? false;
    if (BYTE_ORDER_MARK.every((byte, at) => bytes[at] === byte)) this.#at = BYTE_ORDER_MARK.length;
  }

  /** Scans up to `size` more bytes. True once the whole document has been scanned, or has proved to be invalid. */
  step(size: number): boolean {
    const { length } = this.#bytes;
    this.#end = Math.min(this.#at + size, length);
    while (this.#at < this.#end && this.#state !== INVALID) this.#readOn();
    if (this.#at < length && this.#state !== INVALID) return false;
    if (mayEnd(this.#state)) this.#endScalar(length);
    this.#isValid = this.#state === AFTER_VALUE && this.#levels.depth === 0;
    return true;
  }

  /** The document's value, with the values on paths below it; `undefined` where the document is invalid, or not scanned to its end. */
  get root(): JsonValue | undefined {
    return this.#isValid ? this.#notes.root : undefined;
  }

  /** Names on a path from the top-level object that stand there more than once, or in another spelling of upper and lower case. */
  get ambiguous(): ReadonlySet<string> {
    return this.#notes.ambiguous;
  }

  #readOn(): void {
    const state = this.#state;
    if (state <= AFTER_VALUE) this.#readStructure();
    else if (state === IN_STRING) this.#readString();
    else if (state === IN_ESCAPE) this.#readEscape(this.#bytes[this.#at++]!);
    else if (state === IN_CODE) this.#readCode(this.#bytes[this.#at++]!);
    else if (state === IN_LITERAL) this.#readLiteral(this.#bytes[this.#at++]!);
    else this.#readNumber();
  }

  /** Reads white space, brackets, commas and colons, up to a string, a number or a literal. */
  #readStructure(): void {
    const bytes = this.#bytes;
    while (this.#at < this.#end) {
      const byte = bytes[this.#at++]!;
      switch (byte) {
        case 0x20:
        case 0x0a:
        case 0x0d:
        case 0x09:
          break;
        case COMMA:
          this.#readComma();
          break;
        case COLON:
          this.#state = this.#state === AFTER_KEY ? VALUE : INVALID;
          break;
        case OPEN_BRACE:
          this.#openNested(true);
          break;
        case OPEN_BRACKET:
          this.#openNested(false);
          break;
        case CLOSE_BRACE:
          this.#closeNested(true, FIRST_KEY);
          break;
        case CLOSE_BRACKET:
          this.#closeNested(false, FIRST_ITEM);
          break;
        default:
          return this.#beginScalar(byte);
      }
      if (this.#state === INVALID) return;
    }
  }

  #readComma(): void {
    if (this.#state !== AFTER_VALUE || this.#levels.depth === 0) this.#fail();
    else this.#state = this.#levels.inObject ? KEY : VALUE;
  }

  #openNested(isObject: boolean): void {
    if (this.#state > FIRST_ITEM) return this.#fail();
    const depth = this.#levels.depth;
    if (depth === this.#notes.level) {
      if (depth === 0 && this.#objectOnly && !isObject) return this.#fail();
      const value = this.#notes.value(this.#at - 1, this.#levels.inObject);
      if (value) this.#notes.open(value);
    }
    this.#levels.push(isObject);
    this.#state = isObject ? FIRST_KEY : FIRST_ITEM;
  }

  #closeNested(isObject: boolean, whenEmpty: number): void {
    const state = this.#state;
    if (this.#levels.depth === 0 || this.#levels.inObject !== isObject) return this.#fail();
    if (state !== AFTER_VALUE && state !== whenEmpty) return this.#fail();
    if (this.#levels.depth === this.#notes.level) this.#notes.close(this.#at, state === whenEmpty);
    this.#levels.pop();
    this.#state = AFTER_VALUE;
  }

  #beginScalar(byte: number): void {
    const state = this.#state;
    if (byte === QUOTE && (state === KEY || state === FIRST_KEY)) return this.#beginString(true);
    if (state > FIRST_ITEM || (this.#levels.depth === 0 && this.#objectOnly)) return this.#fail();
    const isNoted = this.#levels.depth === this.#notes.level;
    this.#scalar = isNoted ? this.#notes.value(this.#at - 1, this.#levels.inObject) : undefined;
    if (byte === QUOTE) return this.#beginString(false);
    this.#state = beginNumber(byte);
    if (this.#state === INVALID) this.#beginLiteral(byte);
  }

  #endScalar(end: number): void {
    if (this.#scalar) this.#scalar.end = end;
    this.#scalar = undefined;
    this.#state = AFTER_VALUE;
  }

  #beginString(isKey: boolean): void {
    this.#isKey = isKey;
    this.#stringStart = this.#at;
    this.#state = IN_STRING;
    this.#readString();
  }

  #readString(): void {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    while (at < end) {
      const byte = bytes[at++]!;
      if (byte === QUOTE) {
        this.#at = at;
        return this.#isKey ? this.#endKey(at - 1) : this.#endScalar(at);
      }
      if (byte < 0x20) return this.#fail();
      if (byte !== BACKSLASH) continue;
      if (at === end || ESCAPES[bytes[at]!] === 0) {
        this.#state = IN_ESCAPE;
        break;
      }
      at++;
    }
    this.#at = at;
  }

  #readEscape(byte: number): void {
    this.#digits = 4;
    if (byte === LOWER_U) this.#state = IN_CODE;
    else this.#state = ESCAPES[byte] === 1 ? IN_STRING : INVALID;
  }

  #readCode(byte: number): void {
    if (!isHex(byte)) this.#fail();
    else if (--this.#digits === 0) this.#state = IN_STRING;
  }

  #endKey(end: number): void {
    this.#state = AFTER_KEY;
    const notes = this.#notes;
    if (this.#levels.depth === notes.level) notes.key(this.#bytes, this.#stringStart, end);
  }

  #beginLiteral(byte: number): void {
    const literal = LITERALS.find(([first]) => first === byte);
    if (!literal) return;
    this.#literal = literal;
    this.#literalAt = 1;
    this.#state = IN_LITERAL;
  }

  #readLiteral(byte: number): void {
    if (byte !== this.#literal[this.#literalAt++]) this.#fail();
    else if (this.#literalAt === this.#literal.length) this.#endScalar(this.#at);
  }

  #readNumber(): void {
    while (this.#at < this.#end) {
      const state = readNumber(this.#state, this.#bytes[this.#at]!);
      if (state === AFTER_VALUE) return this.#endScalar(this.#at);
      this.#state = state;
      if (state === INVALID) return;
      this.#at++;
    }
  }

  #fail(): void {
    this.#state = INVALID;
  }
}
