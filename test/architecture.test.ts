/**
 * Who imports whom. Values flow down these layers, and never up or sideways (docs/architecture.md):
 *
 *   adapters/          thin edges, one for each host
 *   handler.ts, edge/, index.ts   the h3 edge, what all edges share, and the public names
 *   relay.ts           the life of one request
 *   upper layer        the other files of src/, src/attempts/ and src/acquire/: they put rooms together
 *   rooms              folders with one concern each; a room imports no other room's values
 *   shelves            dialects/ and state/: what rooms and the upper layer take from
 *   ground             addresses.ts, bag.ts, denied.ts, errors.ts, key-faults.ts, network-faults.ts and patterns.ts: they take
 *                      from times.ts alone
 *   base               times.ts: it imports nothing
 *
 * `import type` is free from anywhere; src/contract holds types alone. The core uses web APIs only.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  functionsAssignedIn,
  importsOf,
  nodeGlobalsIn,
  parse,
  valuesIn,
} from "./support/imports.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const ROOMS = "callers request pool auth transport limits stream observe admin options".split(" ");
const SHELVES = ["dialects", "state"];
const GROUND =
  "addresses.ts bag.ts denied.ts errors.ts key-faults.ts network-faults.ts patterns.ts".split(" ");
const BASE = ["times.ts"];
const LAYERS = ["base", "ground", "shelf", "room", "upper", "relay", "edge", "adapter"] as const;

/** The only sources that may touch Node or undici; `#transport` keeps them from every other runtime. */
const NODE_ONLY = ["src/transport/undici.ts", "src/transport/decode.ts", "src/state/leases/fs.ts"];
const PACKAGES = [
  "consola",
  "hookable",
  "jose",
  "ofetch",
  "unstorage",
  "valibot",
  "#log",
  "#transport",
];

interface Source {
  path: string;
  text: string;
}

interface Place {
  layer: (typeof LAYERS)[number] | "contract";
  /** The folder or file that counts as one: inside it, everybody may import everybody. */
  unit: string;
}

function placeOf(path: string): Place {
  if (path.startsWith("adapters/")) return { layer: "adapter", unit: path };
  const [, first = "", ...rest] = path.split("/");
  const isFolder = rest.length > 0;
  if (first === "contract") return { layer: "contract", unit: first };
  if (isFolder && ROOMS.includes(first)) return { layer: "room", unit: first };
  if (isFolder && SHELVES.includes(first)) return { layer: "shelf", unit: first };
  if (first === "edge") return { layer: "edge", unit: "edge" };
  if (isFolder && !["attempts", "acquire"].includes(first))
    throw new Error(`src/${first}/ is no known room`);
  if (BASE.includes(first)) return { layer: "base", unit: first };
  if (GROUND.includes(first)) return { layer: "ground", unit: first };
  if (first === "relay.ts") return { layer: "relay", unit: first };
  if (first === "handler.ts" || first === "index.ts") return { layer: "edge", unit: "edge" };
  return { layer: "upper", unit: "upper" };
}

function isAllowed(from: Place, to: Place): boolean {
  if (from.layer === "contract") return true; // told below, as a value of its own
  if (to.layer === "contract") return false;
  if (from.unit === to.unit) return true;
  return LAYERS.indexOf(from.layer) > LAYERS.indexOf(to.layer);
}

function packageOf(specifier: string): string {
  return specifier.startsWith("@")
    ? specifier.split("/", 2).join("/")
    : specifier.split("/", 1)[0]!;
}

function violationsOf({ path, text }: Source): string[] {
  const source = parse(path, text);
  const found: string[] = [];
  const tell = (line: number, what: string): void => void found.push(`${path}:${line} ${what}`);
  for (const { from, kind, line } of importsOf(source)) {
    if (!from.startsWith(".")) {
      if (/^(?:h3|nitro|nitropack|nuxt)$/.test(packageOf(from))) tell(line, `imports ${from}`);
      else if (kind === "value" && !isOutsideAllowed(path, from)) tell(line, `imports ${from}`);
      continue;
    }
    const target = normalize(join(dirname(path), from));
    if (path.startsWith("adapters/") && target.startsWith("adapters/")) continue;
    if (!target.startsWith("src/")) tell(line, `imports ${target}, outside of src`);
    else if (kind === "value" && !isAllowed(placeOf(path), placeOf(target)))
      tell(line, `takes a value from ${target}`);
  }
  if (placeOf(path).layer === "contract")
    for (const line of valuesIn(source)) tell(line, "holds a value");
  if (!NODE_ONLY.includes(path))
    for (const { name, line } of nodeGlobalsIn(source)) tell(line, `uses ${name}`);
  return found;
}

function isOutsideAllowed(path: string, specifier: string): boolean {
  if (path.startsWith("adapters/")) return true;
  if (NODE_ONLY.includes(path))
    return ["undici", "node:zlib", "node:fs/promises", "(computed)"].includes(specifier);
  return PACKAGES.includes(packageOf(specifier));
}

function sourcesOf(folder: string): Source[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: file.slice(root.length), text: readFileSync(file, "utf8") }));
}

const core = sourcesOf("src");
const adapters = sourcesOf("adapters");

describe("who imports whom", () => {
  it("reads every source of the core", () => {
    expect(core.length).toBeGreaterThan(80);
    const imports = core.flatMap(({ path, text }) => importsOf(parse(path, text)));
    expect(imports.filter(({ kind }) => kind === "value").length).toBeGreaterThan(100);
  });

  it("lets values flow down only, and nothing of Node into the core", () => {
    expect([...core, ...adapters].flatMap(violationsOf)).toEqual([]);
  });
});

describe("functions that V8 would make old", () => {
  const assigned = ({ path, text }: Source): string[] =>
    functionsAssignedIn(parse(path, text)).map((line) => `${path}:${line}`);

  it("are in no source", () => {
    expect([...core, ...adapters].flatMap(assigned)).toEqual([]);
  });

  it.each(["a.b = () => 1;", "this.#b = async (x) => x;", "a[0] = function () {};"])(
    "and %s would be found",
    (text) => expect(assigned({ path: "a.ts", text })).toHaveLength(1),
  );

  it("but not one that has a name first", () => {
    const text = "const f = () => 1; a.b = f; a.c = g(() => 1); let h; h = () => 2;";
    expect(assigned({ path: "a.ts", text })).toEqual([]);
  });
});

describe("a planted violation is found", () => {
  it.each<[string, string, string]>([
    ["a room takes from another", "src/pool/a.ts", 'import { judge } from "../limits/judge.ts";'],
    ["a room takes from above", "src/stream/a.ts", 'import { Life } from "../life.ts";'],
    ["a shelf takes from a room", "src/state/a.ts", 'import { Pool } from "../pool/pool.ts";'],
    [
      "one shelf takes from the other",
      "src/state/a.ts",
      'import { DIALECTS } from "../dialects/index.ts";',
    ],
    ["the ground imports", "src/errors.ts", 'import { x } from "./patterns.ts";'],
    ["the base imports", "src/times.ts", 'import { x } from "./errors.ts";'],
    ["the upper layer takes from relay.ts", "src/waiting.ts", 'export { x } from "./relay.ts";'],
    ["only one of several is a type", "src/pool/a.ts", 'import { type A, b } from "../auth/a.ts";'],
    ["it is a dynamic import", "src/pool/a.ts", 'const x = await import("../auth/auth.ts");'],
    ["it runs another room", "src/pool/a.ts", 'import "../auth/auth.ts";'],
    ["it passes another room on", "src/pool/a.ts", 'export * from "../auth/auth.ts";'],
    ["types hide a value", "src/contract/a.ts", "export const LIMIT = 3;"],
    ["contract takes a value", "src/contract/a.ts", 'import { x } from "./b.ts";'],
    ["the core uses Node", "src/relay.ts", 'import { join } from "node:path";'],
    ["the core uses a global of Node", "src/relay.ts", "const x = Buffer.from([]);"],
    ["undici stands elsewhere", "src/rooms.ts", 'import { Agent } from "undici";'],
    ["h3 is imported for its types", "src/handler.ts", 'import type { H3Event } from "h3";'],
    ["an unnamed dependency", "src/rooms.ts", 'import x from "left-pad";'],
    [
      "the simulator is imported",
      "src/rooms.ts",
      'import type { Simulator } from "../simulator/index.ts";',
    ],
  ])("%s", (_, path, text) => {
    expect(violationsOf({ path, text })).toHaveLength(1);
  });

  it("and what is allowed is not", () => {
    const text = `
      // import { judge } from "../limits/judge.ts";
      import type { Verdict } from "../limits/judge.ts";
      import { type Key } from "../auth/auth.ts";
      import { RelayError } from "../errors.ts";
      import { DIALECTS } from "../dialects/index.ts";
      export type Life = import("../life.ts").Life;
      const code = 'import { x } from "../auth/auth.ts"';
    `;
    expect(violationsOf({ path: "src/pool/a.ts", text })).toEqual([]);
  });
});
