// Paths into a JSON document, for `JsonScanner`: `model`, `stream_options.include_usage`, `messages[*].content[*].file_id`.

/** A place in a document, and where the paths lead from it. */
export interface PathNode {
  /** The members that lead on. */
  readonly names: PathName[];
  /** Where all items of an array lead (`[*]`). */
  items: PathNode | undefined;
  /** True where a path ends. */
  isEnd: boolean;
}

export interface PathName {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly node: PathNode;
}

const ITEMS = "[*]";

const encoder = new TextEncoder();

/** Compiles paths: names in ASCII, separated by dots, and `[*]` for all items of an array. */
export function compilePaths(paths: Iterable<string>): PathNode {
  const root = createNode();
  for (const path of paths) {
    let node = root;
    for (const step of stepsOf(path))
      node = step === ITEMS ? (node.items ??= createNode()) : memberOf(node, step);
    node.isEnd = true;
  }
  return root;
}

function stepsOf(path: string): string[] {
  return path.replaceAll(ITEMS, `.${ITEMS}`).split(".").filter(Boolean);
}

function memberOf(node: PathNode, name: string): PathNode {
  const known = node.names.find((one) => one.name === name);
  if (known) return known.node;
  const added: PathName = { name, bytes: encoder.encode(name), node: createNode() };
  node.names.push(added);
  return added.node;
}

function createNode(): PathNode {
  return { names: [], items: undefined, isEnd: false };
}
