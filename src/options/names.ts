// Finds unknown names and suggests what was meant: a typo, a synonym, or an option in the wrong place.
import type * as v from "valibot";
import { isLikeSecret } from "../shared/key-faults.ts";
import type { Faults } from "./faults.ts";
import { sameAs, slipOf, synonymsOf, toPlain } from "./suggest.ts";

/** The fields of a schema that are read. */
interface Node {
  type: string;
  entries?: Record<string, Node>;
  wrapped?: Node;
  item?: Node;
  value?: Node;
  getter?: (input: unknown) => Node;
}

type Group = Record<string, unknown>;
/** Path of the option with a name; the shortest path if there are several. */
type Places = ReadonlyMap<string, string>;

/**
 * Adds every unknown name to the faults. Returns the options as they were meant, with misspelt names corrected and other unknown
 * names removed, so that the following checks find the remaining faults.
 */
export function checkNames(schema: v.GenericSchema, options: object, faults: Faults): object {
  const root = schema as unknown as Node;
  const places = new Map<string, string>();
  for (const path of pathsOf(root)) {
    const name = toPlain(path.slice(path.lastIndexOf(".") + 1));
    const known = places.get(name);
    if (known === undefined || depthOf(path) < depthOf(known)) places.set(name, path);
  }
  return walk(root, options, "", { faults, places }) as object;
}

interface Walk {
  faults: Faults;
  places: Places;
}

function walk(node: Node, input: unknown, path: string, context: Walk): unknown {
  if (typeof input !== "object" || input === null || context.faults.isFull) return input;
  if (node.type === "lazy") return walk(node.getter!(input), input, path, context);
  if (node.type === "optional") return walk(node.wrapped!, input, path, context);
  if (node.type === "array" && Array.isArray(input)) {
    const items = input.map((item, at) => walk(node.item!, item, `${path}[${at}]`, context));
    return items.some((item, at) => item !== input[at]) ? items : input;
  }
  if (Array.isArray(input)) return input;
  if (node.type === "record")
    return walkEntries(input as Group, (name, value) =>
      walk(node.value!, value, join(path, name), context),
    );
  if (node.type !== "strict_object") return input;
  const entries = node.entries!;
  const meant = toMeant(entries, input as Group, path, context);
  return walkEntries(meant, (name, value) =>
    walk(entries[name]!, value, join(path, name), context),
  );
}

function walkEntries(group: Group, look: (name: string, value: unknown) => unknown): Group {
  let copy: Group | undefined;
  for (const [name, value] of Object.entries(group)) {
    const looked = look(name, value);
    if (looked !== value) (copy ??= { ...group })[name] = looked;
  }
  return copy ?? group;
}

/** Returns the group with known names only. */
function toMeant(entries: Record<string, Node>, group: Group, path: string, context: Walk): Group {
  // As in the schema: inherited values count, but only own names are checked.
  const unknown = Object.keys(group).filter((name) => !Object.hasOwn(entries, name));
  if (unknown.length === 0) return group;
  const meant = { ...group };
  for (const name of unknown) delete meant[name];
  const known = Object.keys(entries);
  for (const name of unknown) {
    const given = (option: string): boolean => option in meant;
    const shapeOf = (option: string): string => shapeFor(entries[option], option, group[name]);
    const here = report(name, { path, known, given, shapeOf }, context);
    // A value that is not a group is not checked further if the option is a group.
    if (here !== undefined && shapeOf(here) === here) meant[here] = group[name];
  }
  return meant;
}

/** A group of options. */
interface Where {
  path: string;
  known: readonly string[];
  given(option: string): boolean;
  /** The option as it should be written, with the names in it if the given value is not a group. */
  shapeOf(option: string): string;
}

function shapeFor(node: Node | undefined, option: string, value: unknown): string {
  const { entries } = (node?.type === "optional" ? node.wrapped : node) ?? {};
  return entries && (typeof value !== "object" || value === null)
    ? `${option}: { ${Object.keys(entries).slice(0, 3).join(", ")} }`
    : option;
}

/** Adds the fault. Returns the option of this group that was meant, if any. */
function report(
  name: string,
  { path, known, given, shapeOf }: Where,
  { faults, places }: Walk,
): string | undefined {
  if (!/^[\w$ .-]+$/.test(name) || isLikeSecret(name)) {
    faults.add(path || "options", "contains a name that is not an option", join(path, "*"));
    return undefined;
  }
  // An exact name of another group is a better suggestion than a similar name of this group.
  const elsewhere = (word: string): string | undefined => places.get(toPlain(word));
  const same = sameAs(name, known);
  const moved = same === undefined ? elsewhere(name) : undefined;
  const here = same ?? (moved === undefined ? slipOf(name, known) : undefined);
  const isFree = here !== undefined && !given(here);
  const meant = here ?? moved ?? synonymsOf(name).map(elsewhere).find(Boolean);
  const question =
    meant === undefined
      ? ""
      : here === undefined || isFree
        ? `; did you mean \`${here === undefined ? meant : shapeOf(here)}\`?`
        : `; \`${meant}\` is already set`;
  faults.add(join(path, name), `is not an option${moved === undefined ? "" : " here"}${question}`);
  return isFree ? here : undefined;
}

function depthOf(path: string): number {
  return path.split(".").length;
}

function join(path: string, name: string): string {
  return path ? `${path}.${name}` : name;
}

/** Yields the path of every option; `upstream` represents `upstreams`. */
function* pathsOf(node: Node, path = ""): Generator<string> {
  if (node.type === "lazy") return yield* pathsOf(node.getter!(undefined), path);
  if (node.type === "optional") return yield* pathsOf(node.wrapped!, path);
  if (node.type === "array" && path) return yield* pathsOf(node.item!, `${path}[]`);
  if (node.type !== "strict_object") return void (path && (yield path));
  for (const [name, entry] of Object.entries(node.entries!))
    if (name !== "upstreams") yield* pathsOf(entry, join(path, name));
}
