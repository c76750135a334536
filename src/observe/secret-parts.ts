// Finds parts of secrets in a text, in time proportional to the length of the text. A part of 12 characters contains a whole group of 4 at
// one of every 9 places, so only these groups are looked up; where one belongs to a secret, the 9 parts around it are.
import { PART, type SecretForms, SEPARATOR } from "./secret-forms.ts";

const GROUP = 4;
const STRIDE: number = PART - GROUP + 1;
/** From this length on, in characters, a table of the groups pays for itself. */
const LONG_TEXT = 4_096;
const TABLE_BITS = 18;
/** Longest stretch of a base64 text that is hidden beside a part of a secret, in characters. */
const BESIDE = 64;

export class SecretParts {
  readonly #plain: string;
  /** Plain forms, then those in base64. */
  readonly #all: string;
  readonly #prefixes: readonly string[];
  #table: Uint8Array | undefined;
  /** All parts, and whether each is plain. */
  #parts: Map<string, boolean> | undefined;

  constructor(forms: readonly SecretForms[]) {
    this.#plain = forms.flatMap(({ parts }) => (parts === "" ? [] : [parts])).join(SEPARATOR);
    this.#all = [this.#plain, ...forms.flatMap(({ encodedParts }) => encodedParts)].join(SEPARATOR);
    this.#prefixes = [...new Set(forms.map(({ prefix }) => prefix))].filter((it) => it !== "");
  }

  /** Start and end of each part of a secret in a decoded text, one after the other. */
  findIn(text: string): number[] {
    if (this.#plain === "" || text.length < PART) return [];
    const table = text.length < LONG_TEXT ? undefined : (this.#table ??= tableOf(this.#all));
    const found: number[] = [];
    for (let at = 0; at + GROUP <= text.length; at += STRIDE) {
      if (table && !hasGroup(table, text, at)) continue;
      if (!this.#all.includes(text.slice(at, at + GROUP))) continue;
      this.#findAround(text, at, found);
    }
    return found;
  }

  #findAround(text: string, group: number, found: number[]): void {
    const last = Math.min(group, text.length - PART);
    for (let at = Math.max(0, group + GROUP - PART); at <= last; at++) {
      const isPlain = this.#isPlain(text.slice(at, at + PART), text.length);
      if (isPlain === undefined) continue;
      if (isPlain) add(found, this.#withPrefix(text, at), at + PART);
      else add(found, startOfBase64(text, at), endOfBase64(text, at + PART));
    }
  }

  /** Whether a part of a secret is plain; `undefined` for any other text. */
  #isPlain(part: string, length: number): boolean | undefined {
    if (length >= LONG_TEXT) return (this.#parts ??= partsOf(this.#plain, this.#all)).get(part);
    const at = this.#all.indexOf(part);
    return at < 0 ? undefined : at < this.#plain.length;
  }

  #withPrefix(text: string, at: number): number {
    const prefix = this.#prefixes.find((one) => text.startsWith(one, at - one.length));
    return prefix === undefined ? at : at - prefix.length;
  }
}

/** Adds a range to others that begin before it. */
function add(ranges: number[], start: number, end: number): void {
  const last = ranges.length - 1;
  if (last < 0 || start > ranges[last]!) ranges.push(start, end);
  else if (end > ranges[last]!) ranges[last] = end;
}

function tableOf(all: string): Uint8Array {
  const table = new Uint8Array(1 << (TABLE_BITS - 3));
  for (let at = 0; at + GROUP <= all.length; at++) {
    const group = groupAt(all, at);
    table[group >> 3]! |= 1 << (group & 7);
  }
  return table;
}

function hasGroup(table: Uint8Array, text: string, at: number): boolean {
  const group = groupAt(text, at);
  return (table[group >> 3]! & (1 << (group & 7))) !== 0;
}

/** Number of a group of characters in the table. */
function groupAt(text: string, at: number): number {
  const first = (text.charCodeAt(at) << 16) ^ text.charCodeAt(at + 1);
  const second = (text.charCodeAt(at + 2) << 16) ^ text.charCodeAt(at + 3);
  return Math.imul(Math.imul(first, 0x9e37_79b1) ^ second, 0x85eb_ca6b) >>> (32 - TABLE_BITS);
}

function partsOf(plain: string, all: string): Map<string, boolean> {
  const parts = new Map<string, boolean>();
  for (let at = all.length - PART; at >= 0; at--)
    parts.set(all.slice(at, at + PART), at < plain.length);
  return parts;
}

function startOfBase64(text: string, from: number): number {
  let at = from;
  while (at > 0 && from - at < BESIDE && isBase64(text.charCodeAt(at - 1))) at--;
  return at;
}

function endOfBase64(text: string, from: number): number {
  let at = from;
  while (at < text.length && at - from < BESIDE && isBase64(text.charCodeAt(at))) at++;
  return at;
}

/** Letters in lower case, digits, `+`, `/`, `-`, `_` and `=`. */
function isBase64(code: number): boolean {
  if (code >= 97 && code <= 122) return true;
  return (code >= 47 && code <= 57) || code === 43 || code === 45 || code === 61 || code === 95;
}
