// Values that `JsonScanner` has found: their positions in the bytes, and as much of their content as is asked for.
import type { PathNode } from "./json-paths.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const NULL = 0x6e;

/** A value up to this size is read completely, in bytes; of a longer text the beginning is read. */
export const WHOLE_SIZE = 4_096;

/** Length of `\u0041`, in bytes. */
const LONGEST_ESCAPE = 6;

/** What a large object or array at the end of a path is read as: neither is empty. */
const LARGE_OBJECT: Readonly<Record<string, unknown>> = Object.freeze({ "": 1 });
const LARGE_ARRAY: readonly unknown[] = Object.freeze([1]);

const decoder = new TextDecoder();

/** A value on a path. */
export class JsonValue {
  /** Position of its first byte. */
  start = 0;
  /** Position after its last byte. */
  end = 0;
  /** True for `{}` and `[]`. */
  isEmpty = false;
  /** The members of an object that are on a path. Of several with one name the last counts, as in every JSON parser. */
  members: Map<string, JsonValue> | undefined;
  /** The items of an array that are on a path. */
  items: JsonValue[] | undefined;
  readonly node: PathNode;

  constructor(node: PathNode, start: number) {
    this.node = node;
    this.start = start;
  }

  /** Begins anew with another value of the same name. */
  reset(start: number): void {
    this.start = start;
    this.isEmpty = false;
    this.members = undefined;
    this.items = undefined;
  }
}

/** Kind of a value by its first byte. */
export function kindOf(
  bytes: Uint8Array,
  { start }: JsonValue,
): "object" | "array" | "string" | "null" | "other" {
  const byte = bytes[start];
  if (byte === OPEN_BRACE) return "object";
  if (byte === OPEN_BRACKET) return "array";
  if (byte === QUOTE) return "string";
  return byte === NULL ? "null" : "other";
}

/**
 * Reads a value. Of an object or array that is larger than `WHOLE_SIZE` only what is on a path is read; at the end of a path it is read as
 * one that is not empty. Of a text that is longer, the beginning is read.
 */
export function readValue(bytes: Uint8Array, value: JsonValue): unknown {
  const { start, end } = value;
  const kind = kindOf(bytes, value);
  if (end - start <= WHOLE_SIZE) return JSON.parse(decoder.decode(bytes.subarray(start, end)));
  if (kind === "string") return readStart(bytes, start);
  // A number of this length is no value of any field.
  if (kind === "other") return 0;
  return kind === "object" ? readObject(bytes, value) : readArray(bytes, value);
}

function readObject(bytes: Uint8Array, { members, isEmpty, node }: JsonValue): unknown {
  if (!members) return node.isEnd && !isEmpty ? LARGE_OBJECT : {};
  return Object.fromEntries(
    Array.from(members, ([name, member]) => [name, readValue(bytes, member)]),
  );
}

function readArray(bytes: Uint8Array, { items, isEmpty }: JsonValue): unknown {
  return items ? items.map((item) => readValue(bytes, item)) : isEmpty ? [] : LARGE_ARRAY;
}

/** The beginning of a long text, without a part of an escape or of a character of several bytes. */
function readStart(bytes: Uint8Array, start: number): string {
  let end = start + WHOLE_SIZE;
  const last = bytes.lastIndexOf(BACKSLASH, end - 1);
  if (last > end - LONGEST_ESCAPE && beginsEscape(bytes, last)) end = last;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return String(JSON.parse(`${decoder.decode(bytes.subarray(start, end))}"`));
}

/** Of backslashes in a row each second one is escaped. */
function beginsEscape(bytes: Uint8Array, backslash: number): boolean {
  let first = backslash;
  while (bytes[first - 1] === BACKSLASH) first--;
  return (backslash - first) % 2 === 0;
}

/** Lists the values at the end of a path of names and `[*]`, in their order. */
export function valuesAt(root: JsonValue | undefined, path: string): JsonValue[] {
  const steps = path.replaceAll("[*]", ".[*]").split(".").filter(Boolean);
  let found = root ? [root] : [];
  for (const step of steps)
    found = found.flatMap(({ members, items }) =>
      step === "[*]" ? (items ?? []) : (members?.get(step) ?? []),
    );
  return found;
}
