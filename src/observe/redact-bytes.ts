// Removes secrets from a body, in whatever encoding it is.
import type { LazyRedactor } from "./lazy-redactor.ts";

/** Hides secrets in a body. One that quotes none is returned as it is, byte for byte. */
export function hideInBytes(body: Uint8Array, secrets: Pick<LazyRedactor, "hide">): Uint8Array {
  const utf8 = asUTF8(body);
  const text = utf8 ?? asCharacters(body);
  const hidden = secrets.hide(text);
  if (hidden === text) return body;
  return utf8 === undefined
    ? Uint8Array.from(hidden, (character) => character.charCodeAt(0))
    : new TextEncoder().encode(hidden);
}

function asUTF8(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
}

/** Each byte as one character. */
function asCharacters(body: Uint8Array): string {
  const size = 8_192;
  let text = "";
  for (let at = 0; at < body.length; at += size)
    text += String.fromCharCode(...body.subarray(at, at + size));
  return text;
}
