// Puts another model's name into a request and leaves every other byte as it came (D9).

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN = new Set([0x7b, 0x5b]);
const CLOSE = new Set([0x7d, 0x5d]);

/** Replaces the value of the top-level `model` of a JSON object; the body itself is not touched. `undefined` where there is none. */
export function renameInBody(body: Uint8Array, model: string): Uint8Array | undefined {
  const range = findModel(body);
  if (!range) return undefined;
  const name = new TextEncoder().encode(JSON.stringify(model));
  const renamed = new Uint8Array(range.start + name.length + (body.length - range.end));
  renamed.set(body.subarray(0, range.start));
  renamed.set(name, range.start);
  renamed.set(body.subarray(range.end), range.start + name.length);
  return renamed;
}

/** Replaces a model's name where it stands as a segment (or a segment's part before `:`) of a path. */
export function renameInPath(path: string, from: string, to: string): string | undefined {
  const segments = path.split("/");
  const at = segments.findLastIndex((segment) => decode(segment.split(":", 1)[0]!) === from);
  if (at < 0) return undefined;
  const [, ...rest] = segments[at]!.split(":");
  segments[at] = [encodeURIComponent(to), ...rest].join(":");
  return segments.join("/");
}

/** Finds the bytes of the value, its quotes included. Of several the last counts, as for every JSON parser. */
function findModel(body: Uint8Array): { start: number; end: number } | undefined {
  let found: { start: number; end: number } | undefined;
  let depth = 0;
  let isValueOfModel = false;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]!;
    if (OPEN.has(byte)) depth++;
    else if (CLOSE.has(byte)) depth--;
    if (byte !== QUOTE) continue;
    const end = endOfString(body, at);
    if (isValueOfModel && depth === 1) found = { start: at, end };
    isValueOfModel = depth === 1 && isKey(body, end) && isNamedModel(body.subarray(at, end));
    at = end - 1;
  }
  return found;
}

/** Position after the closing quote of the string that begins at `start`. */
function endOfString(body: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < body.length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1;
  return Math.min(at + 1, body.length);
}

function isKey(body: Uint8Array, from: number): boolean {
  let at = from;
  while (body[at] === 0x20 || body[at] === 0x0a || body[at] === 0x0d || body[at] === 0x09) at++;
  return body[at] === COLON;
}

// A key may be written with escapes; only parsing tells.
function isNamedModel(text: Uint8Array): boolean {
  if (text.length < 7 || text.length > 32) return false;
  try {
    return JSON.parse(new TextDecoder().decode(text)) === "model";
  } catch {
    return false;
  }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
