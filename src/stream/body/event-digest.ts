// A short form of a large event or JSON answer, with the fields that a dialect reads: no tree is built of a large one.
import type { Dialect, StreamEvent } from "../../contract/dialect.ts";
import { compilePaths, type PathNode } from "../../shared/json-paths.ts";
import { readValue } from "../../shared/json-value.ts";
import { scanJson } from "../../shared/scan-json.ts";

/** A text up to this length is parsed as it is, in characters. */
const PARSED_LENGTH = 65_536;
/** Maximum number of items that a short form has. */
const ITEMS = 200;

const encoder = new TextEncoder();
const compiled = new WeakMap<readonly string[], PathNode>();

/** Shortens an event; small ones, and those of a dialect that does not name its fields, are returned as they are. */
export function digestEvent(event: StreamEvent, dialect: Dialect): StreamEvent {
  return event.data.length <= PARSED_LENGTH
    ? event
    : { name: event.name, data: digestText(event.data, dialect) };
}

/** Shortens the text of an event or of a JSON answer. */
export function digestText(text: string, { eventPaths }: Dialect): string {
  if (text.length <= PARSED_LENGTH || !eventPaths) return text;
  const bytes = encoder.encode(text);
  const { root } = scanJson(bytes, pathsOf(eventPaths), { itemLimit: ITEMS });
  return root ? JSON.stringify(readValue(bytes, root)) : text.slice(0, PARSED_LENGTH);
}

function pathsOf(eventPaths: readonly string[]): PathNode {
  const known = compiled.get(eventPaths) ?? compilePaths(eventPaths);
  compiled.set(eventPaths, known);
  return known;
}
