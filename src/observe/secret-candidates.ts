// Hides secrets in a short text that may quote any of many: of 100,000, hardly one is searched for.
import { decodedText } from "./decoded-text.ts";
import { Redactor } from "./redact.ts";
import { base64Forms } from "./secret-forms.ts";

/** A text that quotes 12 characters of a secret, or its end, contains one of its groups of characters of this length. */
const GROUP = 4;
const STRIDE = 5;
const ENCODED = /[A-Za-z\d+/_-]{12}/;

/** Hides all secrets that the text quotes. */
export function hideAnyOf(secrets: Iterable<string>, text: string): string {
  const shown = decodedText(text).text;
  const mayEncode = ENCODED.test(text);
  const quoted: string[] = [];
  for (const secret of secrets) if (mayQuote(shown, secret, mayEncode)) quoted.push(secret);
  return new Redactor(quoted).hide(text);
}

function mayQuote(shown: string, secret: string, mayEncode: boolean): boolean {
  const plain = secret.toLowerCase();
  // A masked secret may show its last three characters alone.
  if (shown.includes(plain.slice(-3)) || hasGroup(shown, plain)) return true;
  if (/[\\%&]/.test(secret)) return true;
  return mayEncode && base64Forms(secret).some((form) => hasGroup(shown, form));
}

function hasGroup(shown: string, secret: string): boolean {
  for (let at = 0; at + GROUP <= secret.length; at += STRIDE)
    if (shown.includes(secret.slice(at, at + GROUP))) return true;
  return false;
}
