// The values on given paths that a scan of a document has come across.
import { compareKey } from "./json-keys.ts";
import type { PathName, PathNode } from "./json-paths.ts";
import { JsonValue } from "./json-value.ts";

export class JsonNotes {
  /** The document's value; `undefined` before its first byte. */
  root: JsonValue | undefined;
  /** Names on a path from the top-level object that stand there more than once, or in another spelling of upper and lower case. */
  readonly ambiguous: Set<string> = new Set();
  readonly #paths: PathNode;
  /** The open objects and arrays on a path, from the outermost. */
  readonly #open: JsonValue[] = [];
  /** Where the value after the present key leads; `undefined` off the paths. */
  #next: PathName | undefined;
  #itemsLeft: number;

  constructor(paths: PathNode, itemLimit: number) {
    this.#paths = paths;
    this.#itemsLeft = itemLimit;
  }

  /** Number of open objects and arrays on a path: all of the first levels of nesting. */
  get level(): number {
    return this.#open.length;
  }

  /** Notes a key of the innermost object on a path; its bytes lie between its quotes. */
  key(bytes: Uint8Array, start: number, end: number): void {
    this.#next = undefined;
    const { node, members } = this.#open.at(-1)!;
    for (const one of node.names) {
      const likeness = compareKey(bytes, start, end, one.bytes);
      if (likeness === "other") continue;
      const isTopLevel = this.#open.length === 1;
      if (isTopLevel && (likeness === "alike" || members?.has(one.name)))
        this.ambiguous.add(one.name);
      if (likeness === "equal") this.#next = one;
    }
  }

  /** Notes a value of the innermost object or array on a path; `undefined` where the value itself is not on one. */
  value(start: number, isMember: boolean): JsonValue | undefined {
    const parent = this.#open.at(-1);
    if (!parent) return (this.root = new JsonValue(this.#paths, start));
    return isMember ? this.#member(parent, start) : this.#item(parent, start);
  }

  #member(parent: JsonValue, start: number): JsonValue | undefined {
    if (!this.#next) return undefined;
    const { name, node } = this.#next;
    const members = (parent.members ??= new Map<string, JsonValue>());
    let value = members.get(name);
    // Reused, so that a member that is repeated a million times costs no more than one.
    if (value) value.reset(start);
    else members.set(name, (value = new JsonValue(node, start)));
    return value;
  }

  #item(parent: JsonValue, start: number): JsonValue | undefined {
    const node = parent.node.items;
    if (!node || this.#itemsLeft === 0) return undefined;
    this.#itemsLeft--;
    const value = new JsonValue(node, start);
    (parent.items ??= []).push(value);
    return value;
  }

  /** The value is an object or array: the next values are its own. */
  open(value: JsonValue): void {
    this.#open.push(value);
  }

  /** The innermost object or array on a path ends before `end`. */
  close(end: number, isEmpty: boolean): void {
    const value = this.#open.pop()!;
    value.end = end;
    value.isEmpty = isEmpty;
  }
}
