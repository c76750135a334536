// Finds the string values in a JSON text, so that nothing else of it is rewritten: no name, no number, no structure.

const SCALAR = /(?:-?\d[\d.eE+-]*|true|false|null)(?![\w"'])/y;
/** A scalar that the end of the text has cut off. */
const CUT_SCALAR = /(?:-|t|tr|tru|f|fa|fal|fals|n|nu|nul)$/y;
const QUOTE = 34;
const BACKSLASH = 92;
const COLON = 58;

/**
 * Returns the start and the end of what is between the quotes of each string value, one after the other: `[start, end, start, end, …]`.
 * The text may be cut off at its end, and may contain several JSON texts. `undefined` where it is not JSON.
 */
export function stringValuesIn(text: string): number[] | undefined {
  const values: number[] = [];
  let at = skipBlank(text, text.charCodeAt(0) === 0xfeff ? 1 : 0);
  if (!/["[{]/.test(text.charAt(at))) return undefined;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at + 1);
      const next = skipBlank(text, end + 1);
      if (text.charCodeAt(next) !== COLON) values.push(at + 1, end);
      at = next;
    } else if (isStructure(code)) at = skipBlank(text, at + 1);
    else {
      const end = endOfScalar(text, at);
      if (end === undefined) return undefined;
      at = skipBlank(text, end);
    }
  }
  return values;
}

/** The place of the closing quote, or the end of the text. */
function endOfString(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at;
  }
  return text.length;
}

function endOfScalar(text: string, at: number): number | undefined {
  for (const pattern of [SCALAR, CUT_SCALAR]) {
    pattern.lastIndex = at;
    if (pattern.test(text)) return pattern.lastIndex;
  }
  return undefined;
}

/** `{`, `}`, `[`, `]`, `:`, `,`, and what separates the texts of a JSON sequence. */
function isStructure(code: number): boolean {
  return (
    code === 123 ||
    code === 125 ||
    code === 91 ||
    code === 93 ||
    code === COLON ||
    code === 44 ||
    code === 30
  );
}

function skipBlank(text: string, from: number): number {
  let at = from;
  while (at < text.length && isBlank(text.charCodeAt(at))) at++;
  return at;
}

function isBlank(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9;
}
