// Which operation of an API a request is, by its method and path.
import type { Dialect } from "../contract/dialect.ts";
import type { Operation, OperationTable } from "../contract/operations.ts";
import { parsePattern, PathPatterns } from "../shared/path-patterns.ts";

/** Compiled tables. A dialect is one object for the whole life of a relay. */
const compiled = new WeakMap<OperationTable, PathPatterns<Operation>>();

/**
 * Returns the operation of a request, by its path after the mount. `undefined` if the dialect has no table, or no operation with this
 * method and path.
 */
export function operationOf(
  { operations }: Pick<Dialect, "operations">,
  method: string,
  path: string,
): Operation | undefined {
  return operations && patternsOf(operations).find(method, path);
}

function patternsOf(table: OperationTable): PathPatterns<Operation> {
  let patterns = compiled.get(table);
  if (!patterns) compiled.set(table, (patterns = compileOperations(table)));
  return patterns;
}

function compileOperations(table: OperationTable): PathPatterns<Operation> {
  const patterns = new PathPatterns<Operation>(table);
  const groups = [
    { kinds: table.defaults, isDefault: true },
    { kinds: table.restricted, isDefault: false },
  ];
  for (const { kinds, isDefault } of groups)
    for (const [kind, names] of Object.entries(kinds))
      for (const name of names.flatMap((one) => placesOf(table, kind, one))) {
        const pattern = parsePattern(name);
        if (pattern) patterns.add(pattern, { kind, name, isDefault });
      }
  return patterns;
}

/** A pattern, and the same at the other places of its API. */
function placesOf({ places = [] }: OperationTable, kind: string, name: string): string[] {
  const [method, path] = name.split(" ", 2) as [string, string];
  return [
    name,
    ...places
      .filter(({ kinds, from }) => kinds.includes(kind) && path.startsWith(from))
      .flatMap(({ from, to }) => to.map((start) => `${method} ${start}${path.slice(from.length)}`)),
  ];
}
