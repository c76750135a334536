// Edits of a JSON body that leave every other byte unchanged. The positions come from a scan.
import { type JsonValue, kindOf } from "./json-value.ts";

/** A replacement of the bytes from `start` to before `end`. */
export interface Edit {
  start: number;
  end: number;
  /** JSON text. */
  text: string;
}

const encoder = new TextEncoder();

/** Replaces a member of the top-level object that is a string; `undefined` where there is none. */
export function replaceString(
  body: Uint8Array,
  root: JsonValue | undefined,
  name: string,
  value: string,
): Edit | undefined {
  const member = root?.members?.get(name);
  return member && kindOf(body, member) === "string"
    ? { start: member.start, end: member.end, text: JSON.stringify(value) }
    : undefined;
}

/**
 * Sets the field at a path of names and adds missing objects on the way. `value` is JSON text. `undefined` where the body, or a value on the
 * way, is not an object.
 */
export function setField(
  body: Uint8Array,
  root: JsonValue | undefined,
  path: readonly string[],
  value: string,
): Edit | undefined {
  let parent = root;
  for (const [at, name] of path.entries()) {
    if (!parent || kindOf(body, parent) !== "object") return undefined;
    const rest = path.slice(at + 1);
    const known: JsonValue | undefined = parent.members?.get(name);
    if (!known) return insertFirst(parent, `${JSON.stringify(name)}:${nest(rest, value)}`);
    if (rest.length === 0 || kindOf(body, known) === "null")
      return { start: known.start, end: known.end, text: nest(rest, value) };
    parent = known;
  }
  return undefined;
}

function nest(names: readonly string[], value: string): string {
  return names.reduceRight((inner, name) => `{${JSON.stringify(name)}:${inner}}`, value);
}

function insertFirst({ start, isEmpty }: JsonValue, member: string): Edit {
  const at = start + 1;
  return { start: at, end: at, text: isEmpty ? member : `${member},` };
}

/** Applies edits, which must not overlap: returns the pieces of the edited body, without a copy. */
export function applyEdits(body: Uint8Array, edits: readonly Edit[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const { start, end, text } of edits.toSorted((a, b) => a.start - b.start)) {
    pieces.push(body.subarray(from, start), encoder.encode(text));
    from = end;
  }
  pieces.push(body.subarray(from));
  return pieces;
}
