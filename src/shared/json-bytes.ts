// Edits a JSON body and leaves every other byte unchanged. The body has been parsed before, so it is valid.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const NULL = "null";

/** A range in a body: from `start` to before `end`, in bytes. */
export interface Range {
  start: number;
  end: number;
}

/** Finds the value of a member of the top-level object; `undefined` where the body is not an object or has no such member. */
export function findValue(body: Uint8Array, name: string): Range | undefined {
  const brace = rootOf(body);
  return brace < 0 ? undefined : findMember(body, brace, name);
}

/** True where the top-level object has a member more than once, or in another spelling of upper and lower case. */
export function isAmbiguous(body: Uint8Array, name: string): boolean {
  const brace = rootOf(body);
  if (brace < 0) return false;
  let count = 0;
  let at = skipSpaces(body, brace + 1);
  while (body[at] === QUOTE) {
    const end = endOfString(body, at);
    const spelled = nameOf(body.subarray(at, end), name.length);
    if (spelled?.toLowerCase() === name && (spelled !== name || ++count > 1)) return true;
    at = skipSpaces(body, endOfValue(body, skipSpaces(body, skipSpaces(body, end) + 1)));
    if (body[at] !== COMMA) break;
    at = skipSpaces(body, at + 1);
  }
  return false;
}

/**
 * Sets the field at a path of names and adds missing objects on the way. `value` is JSON text. The body itself is not changed. `undefined`
 * where the body, or a value on the way, is not an object.
 */
export function setInBody(
  body: Uint8Array,
  path: readonly string[],
  value: string,
): Uint8Array | undefined {
  let brace = rootOf(body);
  for (const [at, name] of path.entries()) {
    if (brace < 0) return undefined;
    const rest = path.slice(at + 1);
    const known = findMember(body, brace, name);
    if (!known) return insertFirst(body, brace, `${JSON.stringify(name)}:${nest(rest, value)}`);
    if (rest.length === 0 || isNull(body, known)) return replace(body, known, nest(rest, value));
    brace = body[known.start] === OPEN_BRACE ? known.start : -1;
  }
  return undefined;
}

/** Replaces a range by a text, in a copy of the body. */
export function replace(body: Uint8Array, { start, end }: Range, text: string): Uint8Array {
  const piece = new TextEncoder().encode(text);
  const edited = new Uint8Array(start + piece.length + (body.length - end));
  edited.set(body.subarray(0, start));
  edited.set(piece, start);
  edited.set(body.subarray(end), start + piece.length);
  return edited;
}

export function isString(body: Uint8Array, { start }: Range): boolean {
  return body[start] === QUOTE;
}

function nest(names: readonly string[], value: string): string {
  return names.reduceRight((inner, name) => `{${JSON.stringify(name)}:${inner}}`, value);
}

function insertFirst(body: Uint8Array, brace: number, member: string): Uint8Array {
  const at = brace + 1;
  const isEmpty = body[skipSpaces(body, at)] === CLOSE_BRACE;
  return replace(body, { start: at, end: at }, isEmpty ? member : `${member},`);
}

function isNull(body: Uint8Array, { start, end }: Range): boolean {
  return end - start === NULL.length && body[start] === NULL.charCodeAt(0);
}

/** Position of the brace that opens the body; -1 where the body is not an object. */
function rootOf(body: Uint8Array): number {
  const hasMark = BYTE_ORDER_MARK.every((byte, at) => body[at] === byte);
  const at = skipSpaces(body, hasMark ? BYTE_ORDER_MARK.length : 0);
  return body[at] === OPEN_BRACE ? at : -1;
}

/**
 * Finds the value of a member of the object that opens at `brace`. Of several with the same name the last counts, as in every JSON parser.
 */
function findMember(body: Uint8Array, brace: number, name: string): Range | undefined {
  let found: Range | undefined;
  let at = skipSpaces(body, brace + 1);
  while (body[at] === QUOTE) {
    const end = endOfString(body, at);
    // Skips the colon.
    const start = skipSpaces(body, skipSpaces(body, end) + 1);
    const value = { start, end: endOfValue(body, start) };
    if (isNamed(body.subarray(at, end), name)) found = value;
    at = skipSpaces(body, value.end);
    if (body[at] !== COMMA) break;
    at = skipSpaces(body, at + 1);
  }
  return found;
}

function endOfValue(body: Uint8Array, start: number): number {
  if (body[start] === QUOTE) return endOfString(body, start);
  if (isOpening(body[start])) return endOfNested(body, start);
  let at = start;
  while (at < body.length && !isAfterLiteral(body[at]!)) at++;
  return at;
}

function isAfterLiteral(byte: number): boolean {
  return byte === COMMA || isClosing(byte) || isSpace(byte);
}

function endOfNested(body: Uint8Array, start: number): number {
  let depth = 0;
  for (let at = start; at < body.length; at++) {
    const byte = body[at]!;
    if (byte === QUOTE) at = endOfString(body, at) - 1;
    else if (isOpening(byte)) depth++;
    else if (isClosing(byte) && --depth === 0) return at + 1;
  }
  return body.length;
}

/** Position after the closing quote of the string that begins at `start`. */
function endOfString(body: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < body.length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1;
  return Math.min(at + 1, body.length);
}

function skipSpaces(body: Uint8Array, from: number): number {
  let at = from;
  while (isSpace(body[at])) at++;
  return at;
}

function isOpening(byte: number | undefined): boolean {
  return byte === OPEN_BRACE || byte === OPEN_BRACKET;
}

function isClosing(byte: number | undefined): boolean {
  return byte === CLOSE_BRACE || byte === CLOSE_BRACKET;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isNamed(key: Uint8Array, name: string): boolean {
  return nameOf(key, name.length) === name;
}

// A key may contain escapes, six bytes per character; only parsing shows its name. `undefined` for a key that cannot have this length.
function nameOf(key: Uint8Array, length: number): string | undefined {
  if (key.length < length + 2 || key.length > 6 * length + 2) return undefined;
  try {
    return String(JSON.parse(new TextDecoder().decode(key)));
  } catch {
    return undefined;
  }
}
