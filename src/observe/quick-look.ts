// A quick look at a short text: may it show a secret in another form than plain? Most texts, such as values of headers, cannot.

/** May be an escape, a mask, or the words before the end of a secret. */
const DISGUISED = 16;
/** This many characters in a row that may be base64 of a text: so many show even the shortest secret. */
const ENCODED_RUN = 10;
const ENDING = /end(?:s|ing) |last /i;
const CAPITAL = /[A-Z]/;
const CLASSES: Uint8Array = createClasses();

/** True for a text that may be escaped or masked. */
export function mayBeDisguised(text: string): boolean {
  let hasSpace = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 127 || CLASSES[code]! & DISGUISED) return true;
    if (code === 32) hasSpace = true;
    // `..` and `xxx` are masks.
    else if (code === 46 && text.charCodeAt(at + 1) === 46) return true;
    else if (code === 120 && text.startsWith("xx", at + 1)) return true;
  }
  return hasSpace && ENDING.test(text);
}

/**
 * True for a text that may contain base64 of ASCII text. Its first bits are those of printable characters: of the 64 characters 24 are
 * possible at the first of four places, 24 at the second, 32 at the third.
 */
export function mayBeEncoded(text: string): boolean {
  // Hardly any base64 has no capital letter.
  if (text.length < ENCODED_RUN || !CAPITAL.test(text)) return false;
  for (let phase = 0; phase < 4; phase++) {
    let run = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      const fits = code < 128 && (CLASSES[code]! >> ((at + phase) & 3)) & 1;
      run = fits ? run + 1 : 0;
      if (run === ENCODED_RUN) return true;
    }
  }
  return false;
}

/** For each character the places of base64 at which it is possible, as bits 0 to 3, and whether it may disguise a secret. */
function createClasses(): Uint8Array {
  const classes = new Uint8Array(128);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  for (const characters of [`${alphabet}+/`, `${alphabet}-_`])
    for (let value = 0; value < 64; value++)
      classes[characters.charCodeAt(value)] = placesOf(value);
  for (const character of "\\%&\0*") classes[character.charCodeAt(0)] = DISGUISED;
  return classes;
}

function placesOf(value: number): number {
  const first = value >= 8 && value < 32 ? 1 : 0;
  const second = (value & 15) >= 2 && (value & 15) < 8 ? 2 : 0;
  const third = (value & 3) < 2 ? 4 : 0;
  return first | second | third | 8;
}
