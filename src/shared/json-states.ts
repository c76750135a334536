// What the grammar of JSON (RFC 8259) expects next, and the transitions within a number.

export const VALUE = 0;
/** The first item of an array, or its end. */
export const FIRST_ITEM = 1;
/** The first member of an object, or its end. */
export const FIRST_KEY = 2;
export const KEY = 3;
export const AFTER_KEY = 4;
export const AFTER_VALUE = 5;
export const IN_STRING = 6;
export const IN_ESCAPE = 7;
/** In the digits of `\u`. */
export const IN_CODE = 8;
export const IN_LITERAL = 9;
const AFTER_MINUS = 10;
const AFTER_ZERO = 11;
const IN_INTEGER = 12;
const AFTER_POINT = 13;
const IN_FRACTION = 14;
const AFTER_E = 15;
const AFTER_E_SIGN = 16;
const IN_EXPONENT = 17;
export const INVALID = 18;

const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LOWER_E = 0x65;
/** Bit that tells lower case from upper case in ASCII. */
const CASE = 0x20;

const encoder = new TextEncoder();
export const LITERALS: readonly Uint8Array[] = ["true", "false", "null"].map((text) =>
  encoder.encode(text),
);
/** What may follow a backslash, besides `u`: 1 for each such byte. */
export const ESCAPES: Uint8Array = new Uint8Array(256);
for (const byte of encoder.encode('"\\/bfnrt')) ESCAPES[byte] = 1;

/** The state after the first byte of a number; `INVALID` where no number begins. */
export function beginNumber(byte: number): number {
  if (byte === MINUS) return AFTER_MINUS;
  if (byte === ZERO) return AFTER_ZERO;
  return isDigit(byte) ? IN_INTEGER : INVALID;
}

/** The state after one more byte in a number; `AFTER_VALUE` where the byte is not part of it. */
export function readNumber(state: number, byte: number): number {
  if (isDigit(byte)) return afterDigit(state, byte);
  const isInteger = state === AFTER_ZERO || state === IN_INTEGER;
  if (byte === DOT) return isInteger ? AFTER_POINT : INVALID;
  if ((byte | CASE) === LOWER_E) return isInteger || state === IN_FRACTION ? AFTER_E : INVALID;
  if (byte === PLUS || byte === MINUS) return state === AFTER_E ? AFTER_E_SIGN : INVALID;
  return mayEnd(state) ? AFTER_VALUE : INVALID;
}

/** True in a number that may end here. */
export function mayEnd(state: number): boolean {
  const isInteger = state === AFTER_ZERO || state === IN_INTEGER;
  return isInteger || state === IN_FRACTION || state === IN_EXPONENT;
}

function afterDigit(state: number, byte: number): number {
  if (state === IN_INTEGER || state === IN_FRACTION || state === IN_EXPONENT) return state;
  if (state === AFTER_MINUS) return byte === ZERO ? AFTER_ZERO : IN_INTEGER;
  if (state === AFTER_POINT) return IN_FRACTION;
  return state === AFTER_ZERO ? INVALID : IN_EXPONENT;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** True for a digit of `\u`. */
export function isHex(byte: number): boolean {
  const letter = byte | CASE;
  return isDigit(byte) || (letter >= 0x61 && letter <= 0x66);
}
