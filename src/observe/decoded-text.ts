// A text without its escapes, whatever they are nested in, and the place of each character in the original.

/** A decoded text, in lower case. It contains no character 0. */
export interface DecodedText {
  text: string;
  /** Place in the original at which the character `at` begins. */
  startOf(at: number): number;
  /** Place in the original at which the character before `at` ends. */
  endOf(at: number): number;
}

/** What begins an escape: `\u0073`, `\\u0073`, `\x73`, `\/`; `%73`, `%2573`; `&#115;`, `&#x73;`, `&amp;`; the bytes 0 of UTF-16. */
const SPECIAL = /[\\%&\0]/g;
const ENTITY = /#(\d{1,6});|#x([\da-f]{1,5});|(\w{2,8});/iy;
const BACKSLASH = 92;
const PERCENT = 37;

const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  sol: "/",
  plus: "+",
  equals: "=",
  lowbar: "_",
  hyphen: "-",
};

/** Numbers that describe one escape: its place and its length in the decoded text, its start and its end in the original. */
const FIELDS = 4;

/** What an escape means, and where it ends. */
interface Escape {
  value: string;
  end: number;
}

/** Decodes a text in time proportional to its length. */
export function decodedText(source: string): DecodedText {
  return source.search(SPECIAL) < 0 ? new PlainText(source) : decode(source);
}

function decode(source: string): DecodedText {
  const pieces: string[] = [];
  const escapes: number[] = [];
  let length = 0;
  let from = 0;
  for (let at = nextSpecial(source, 0); at >= 0; at = nextSpecial(source, Math.max(from, at + 1))) {
    const escape = escapeAt(source, at);
    if (!escape) continue;
    const { value, end } = escape;
    length += at - from;
    if (at > from) pieces.push(source.slice(from, at));
    pieces.push(value);
    escapes.push(length, value.length, at, end);
    length += value.length;
    from = end;
  }
  pieces.push(source.slice(from));
  return new EscapedText(pieces.join(""), escapes);
}

function nextSpecial(source: string, from: number): number {
  SPECIAL.lastIndex = from;
  return SPECIAL.test(source) ? SPECIAL.lastIndex - 1 : -1;
}

function escapeAt(source: string, at: number): Escape | undefined {
  const code = source.charCodeAt(at);
  if (code === BACKSLASH) return backslashAt(source, at);
  if (code === PERCENT) return percentAt(source, at);
  if (code === 0) return { value: "", end: at + 1 };
  return entityAt(source, at);
}

function backslashAt(source: string, at: number): Escape {
  let end = at + 1;
  while (source.charCodeAt(end) === BACKSLASH) end++;
  if (end === source.length) return { value: "", end };
  const kind = source[end++]!;
  const digits = kind === "u" || kind === "U" ? 4 : kind === "x" || kind === "X" ? 2 : 0;
  const code = digits === 0 ? -1 : hexAt(source, end, digits);
  if (code >= 0) return { value: characterOf(code), end: end + digits };
  if (kind === "\0") return { value: "\\", end };
  return { value: "bfnrt".includes(kind) ? "\n" : kind, end };
}

function percentAt(source: string, at: number): Escape | undefined {
  let from = at + 1;
  while (source.startsWith("25", from)) from += 2;
  let code = hexAt(source, from, 2);
  if (code < 0 && from > at + 1) code = hexAt(source, (from -= 2), 2);
  return code < 0 ? undefined : { value: characterOf(code), end: from + 2 };
}

function entityAt(source: string, at: number): Escape | undefined {
  let from = at + 1;
  while (source.startsWith("amp;", from)) from += 4;
  ENTITY.lastIndex = from;
  const [whole = "", decimal, hex, name = ""] = ENTITY.exec(source) ?? [];
  const end = from + whole.length;
  if (decimal !== undefined) return { value: characterOf(Number(decimal)), end };
  if (hex !== undefined) return { value: characterOf(Number.parseInt(hex, 16)), end };
  const known = name.toLowerCase();
  if (Object.hasOwn(NAMED, known)) return { value: NAMED[known]!, end };
  return from > at + 1 ? { value: "&", end: from } : undefined;
}

/** The number in hexadecimal digits; negative where another character is among them. */
function hexAt(source: string, from: number, digits: number): number {
  let number = 0;
  for (let at = from; at < from + digits; at++) {
    const code = source.charCodeAt(at) | 32;
    const digit = code >= 97 && code <= 102 ? code - 87 : code - 48;
    if (!(digit >= 0 && digit <= 15) || (code > 57 && code < 97)) return -1;
    number = number * 16 + digit;
  }
  return number;
}

function characterOf(code: number): string {
  return code === 0 ? "" : String.fromCharCode(code);
}

class PlainText implements DecodedText {
  readonly text: string;

  constructor(source: string) {
    this.text = toLowerCase(source);
  }

  startOf(at: number): number {
    return at;
  }

  endOf(at: number): number {
    return at;
  }
}

class EscapedText implements DecodedText {
  readonly text: string;
  readonly #escapes: readonly number[];

  constructor(text: string, escapes: readonly number[]) {
    this.text = toLowerCase(text);
    this.#escapes = escapes;
  }

  startOf(at: number): number {
    const escape = this.#lastUpTo(at);
    if (escape < 0) return at;
    return this.#isInside(escape, at) ? this.#escapes[escape + 2]! : this.#after(escape, at);
  }

  endOf(at: number): number {
    const escape = this.#lastUpTo(at - 1);
    if (escape < 0) return at;
    return this.#isInside(escape, at - 1) ? this.#escapes[escape + 3]! : this.#after(escape, at);
  }

  #isInside(escape: number, at: number): boolean {
    return at < this.#escapes[escape]! + this.#escapes[escape + 1]!;
  }

  #after(escape: number, at: number): number {
    return this.#escapes[escape + 3]! + at - this.#escapes[escape]! - this.#escapes[escape + 1]!;
  }

  /** Index of the last escape that begins at `at` or before; negative where none does. */
  #lastUpTo(at: number): number {
    let low = 0;
    let high = this.#escapes.length / FIELDS;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#escapes[middle * FIELDS]! <= at) low = middle + 1;
      else high = middle;
    }
    return (low - 1) * FIELDS;
  }
}

/** Lower case with the same length: `İ` alone would become two characters. */
function toLowerCase(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === text.length ? lower : text.replaceAll("\u0130", "i").toLowerCase();
}
