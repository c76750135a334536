// Secrets that a text shows masked (`sk-…cdef`), by their end (`ending in cdef`), or by their start (`sk-proj-4f9A`).
import type { SecretForms } from "./secret-forms.ts";

/** A secret as far as a masked form can show it. */
export type MaskedSecret = Pick<SecretForms, "secret" | "prefix" | "start">;

/** Number of characters that must be shown of a secret's start or end. */
const SHOWN = 3;
/** Longest piece that is read beside a mask, in characters. */
const LONGEST = 128;
const MASK = /[*•…·]+|\.{2,}|x{3,}/g;
const ENDING =
  /\b(?:end(?:s|ing) (?:in|with)|last (?:four|4|few|\d)(?: \w{1,10}){0,2}(?: are| is)?):? ?[`'"\n]?([\w-]{3,128})/g;

/** Start and end of each masked form in a text in lower case, one after the other. */
export function maskedIn(text: string, secrets: readonly MaskedSecret[]): number[] {
  const found: number[] = [];
  for (const mask of text.matchAll(MASK)) {
    const end = mask.index + mask[0].length;
    const start = startOfWord(text, mask.index);
    const tailEnd = endOfWord(text, end);
    const [head, tail] = [text.slice(start, mask.index), text.slice(end, tailEnd)];
    if (secrets.some((one) => isShown(one, head, tail))) found.push(start, tailEnd);
  }
  for (const match of text.matchAll(ENDING)) {
    const end = match.index + match[0].length;
    const tail = match[1]!;
    if (secrets.some(({ secret }) => secret.endsWith(tail))) found.push(end - tail.length, end);
  }
  for (const start of new Set(secrets.flatMap((one) => (one.start === "" ? [] : [one.start]))))
    for (let at = text.indexOf(start); at >= 0; at = text.indexOf(start, at + start.length))
      found.push(at, endOfWord(text, at + start.length));
  return found;
}

function isShown({ secret, prefix }: MaskedSecret, head: string, tail: string): boolean {
  if (tail.length >= SHOWN && secret.endsWith(tail)) return true;
  // The prefix alone says nothing.
  return head.length >= SHOWN && head.length > prefix.length && secret.startsWith(head);
}

function startOfWord(text: string, from: number): number {
  let at = from;
  while (at > 0 && from - at < LONGEST && isOfWord(text.charCodeAt(at - 1))) at--;
  return at;
}

function endOfWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && at - from < LONGEST && isOfWord(text.charCodeAt(at))) at++;
  return at;
}

/** A digit, a letter in lower case, `_` or `-`. */
function isOfWord(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 95 || code === 45;
}
