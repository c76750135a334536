// Removes secrets from texts that are shown to a client or an operator (J7).
import { decodedText } from "./decoded-text.ts";
import { stringValuesIn } from "./json-values.ts";
import { maskedIn } from "./masked-forms.ts";
import { SecretParts } from "./secret-parts.ts";
import { formsOf, type SecretForms } from "./secret-forms.ts";

export const REDACTED = "[redacted]";

/** Depth to which objects are read. */
export const DEEPEST = 8;

/** Hides some secrets: whole, in parts of 12 characters, masked, plain, escaped, URL-encoded or in base64. */
export class Redactor {
  readonly #forms: readonly SecretForms[];
  readonly #parts: SecretParts;

  /** Secrets shorter than 8 characters are ignored. */
  constructor(secrets: Iterable<string>) {
    this.#forms = [...new Set(secrets)].flatMap(formsOf);
    this.#parts = new SecretParts(this.#forms);
  }

  /** True where there is nothing to hide. */
  get isEmpty(): boolean {
    return this.#forms.length === 0;
  }

  /** True for a text that contains a secret or a part of one. */
  finds(text: string): boolean {
    return this.#find(decodedText(text).text).length > 0;
  }

  /** Replaces secrets. In a JSON text only string values change, and it stays JSON; a text without secrets is returned as it is. */
  hide(text: string): string {
    if (this.isEmpty || text === "") return text;
    const decoded = decodedText(text);
    const found = this.#find(decoded.text);
    if (found.length === 0) return text;
    const ranges = merged(found).map((at, index) =>
      index % 2 === 0 ? decoded.startOf(at) : decoded.endOf(at),
    );
    const values = stringValuesIn(text);
    return replaced(text, values ? common(ranges, values) : ranges);
  }

  /** Replaces secrets in all texts of a plain object, whose names stay. An object without secrets is returned as it is. */
  hideIn<T>(value: T): T {
    return mapTexts(value, this, DEEPEST) as T;
  }

  #find(text: string): number[] {
    if (this.isEmpty) return [];
    const found = [...this.#parts.findIn(text), ...maskedIn(text, this.#forms)];
    for (const { wholes, prefix } of this.#forms)
      for (const whole of wholes)
        for (let at = text.indexOf(whole); at >= 0; at = text.indexOf(whole, at + whole.length)) {
          const hasPrefix = prefix !== "" && text.startsWith(prefix, at - prefix.length);
          found.push(hasPrefix ? at - prefix.length : at, at + whole.length);
        }
    return found;
  }
}

/** Replaces the texts of a plain object, of its objects and arrays, down to a depth. */
export function mapTexts(
  value: unknown,
  redactor: { hide(text: string): string },
  depth: number,
): unknown {
  if (typeof value === "string") return redactor.hide(value);
  if (typeof value !== "object" || value === null || depth === 0) return value;
  const entries = Object.entries(value).map(
    ([name, one]) => [name, one, mapTexts(one, redactor, depth - 1)] as const,
  );
  if (entries.every(([, before, after]) => before === after)) return value;
  return Array.isArray(value)
    ? entries.map(([, , after]) => after)
    : Object.fromEntries(entries.map(([name, , after]) => [name, after]));
}

/** Ranges in order, with those that touch or overlap as one. */
function merged(ranges: readonly number[]): number[] {
  const pairs: [number, number][] = [];
  for (let at = 0; at < ranges.length; at += 2) pairs.push([ranges[at]!, ranges[at + 1]!]);
  const all: number[] = [];
  for (const [start, end] of pairs.toSorted(([a], [b]) => a - b)) {
    const last = all.at(-1);
    if (last === undefined || start > last) all.push(start, end);
    else all[all.length - 1] = Math.max(last, end);
  }
  return all;
}

/** What two lists of ranges, both in order, have in common. */
function common(ranges: readonly number[], others: readonly number[]): number[] {
  const all: number[] = [];
  let other = 0;
  for (let at = 0; at < ranges.length; at += 2) {
    const [start, end] = [ranges[at]!, ranges[at + 1]!];
    while (other < others.length && others[other + 1]! <= start) other += 2;
    for (let next = other; next < others.length && others[next]! < end; next += 2)
      all.push(Math.max(start, others[next]!), Math.min(end, others[next + 1]!));
  }
  return all;
}

function replaced(text: string, ranges: readonly number[]): string {
  const pieces: string[] = [];
  let from = 0;
  for (let at = 0; at < ranges.length; at += 2) {
    if (ranges[at]! >= ranges[at + 1]!) continue;
    pieces.push(text.slice(from, ranges[at]), REDACTED);
    from = ranges[at + 1]!;
  }
  return pieces.join("") + text.slice(from);
}
