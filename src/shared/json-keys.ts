// Compares a key of a JSON document with a name, without building the key.

const BACKSLASH = 0x5c;
const LOWER_U = 0x75;

/** What the short escapes stand for. */
const SHORT: Readonly<Record<number, number>> = {
  0x22: 0x22,
  0x5c: 0x5c,
  0x2f: 0x2f,
  0x62: 0x08,
  0x66: 0x0c,
  0x6e: 0x0a,
  0x72: 0x0d,
  0x74: 0x09,
};

/** `alike`: equal but for upper and lower case. */
export type Likeness = "equal" | "alike" | "other";

/** Compares the key between two quotes, which may contain escapes, with a name in ASCII. */
export function compareKey(
  bytes: Uint8Array,
  start: number,
  end: number,
  name: Uint8Array,
): Likeness {
  // Without escapes a character has one byte, with them it has up to six.
  if (end - start < name.length || end - start > 6 * name.length) return "other";
  let likeness: Likeness = "equal";
  let at = start;
  for (const expected of name) {
    if (at >= end) return "other";
    const isEscape = bytes[at] === BACKSLASH;
    const code = isEscape ? readEscape(bytes, at + 1) : bytes[at]!;
    if (code !== expected) {
      if (toLowerCase(code) !== toLowerCase(expected)) return "other";
      likeness = "alike";
    }
    at += !isEscape ? 1 : bytes[at + 1] === LOWER_U ? 6 : 2;
  }
  return at === end ? likeness : "other";
}

function readEscape(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== LOWER_U) return SHORT[bytes[at]!]!;
  let code = 0;
  for (let digit = at + 1; digit <= at + 4; digit++) code = 16 * code + valueOf(bytes[digit]!);
  return code;
}

function valueOf(digit: number): number {
  return digit <= 0x39 ? digit - 0x30 : (digit | 0x20) - 0x57;
}

function toLowerCase(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}
