/**
 * Which folder imports which. Imports go down these floors, never up and never sideways, and that holds for types, too
 * (docs/architecture.md). The core uses web APIs only.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
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

/** The floors of src/, from the ground up. The folders of one floor do not import one another. */
const FLOORS: readonly (readonly string[])[] = [
  ["contract"],
  ["shared"],
  ["dialects", "observe", "policies", "state", "stream", "transport"],
  ["cooldowns", "refusals", "tokens"],
  ["options", "quota"],
  ["callers", "http", "pool"],
  ["anonymous", "request", "routing"],
  ["admin", "attempts"],
  ["response", "wiring"],
  ["relay.ts"],
  ["hosts"],
  ["index.ts"],
];
/** Adapters import from every floor. */
const ADAPTERS: number = FLOORS.length;

/** The only sources that may touch Node or undici; `#transport` keeps them from every other runtime. */
const NODE_ONLY = [
  "src/transport/undici.ts",
  "src/transport/decompress-node.ts",
  "src/state/drivers/fs.ts",
];
const PACKAGES = ["consola", "jose", "ofetch", "unstorage", "valibot", "#log", "#transport"];

interface Source {
  path: string;
  text: string;
}

/** Number of the floor that a source is on. Throws for a folder or a file that is on none. */
function floorOf(path: string): number {
  if (path.startsWith("adapters/")) return ADAPTERS;
  const unit = unitOf(path);
  const floor = FLOORS.findIndex((units) => units.includes(unit));
  if (floor === -1) throw new Error(`src/${unit} is on no floor`);
  return floor;
}

/** The folder of `src/`, or the file in its root. */
function unitOf(path: string): string {
  return path.split("/")[1]!;
}

function isAllowed(from: string, to: string): boolean {
  return floorOf(from) > floorOf(to) || unitOf(from) === unitOf(to);
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
    else if (!isAllowed(path, target)) tell(line, `imports ${target}`);
  }
  if (path.startsWith("src/contract/"))
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

/** Circles of imports, each as the files on its way. */
function circlesIn(sources: readonly Source[]): string[] {
  const targets = new Map(
    sources.map(({ path, text }) => [
      path,
      importsOf(parse(path, text))
        .filter(({ from }) => from.startsWith("."))
        .map(({ from }) => normalize(join(dirname(path), from))),
    ]),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) found.push([...way.slice(way.indexOf(path)), path].join(" → "));
    if (way.includes(path) || done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...way, path]);
    done.add(path);
  };
  for (const path of targets.keys()) visit(path, []);
  return found;
}

const core = sourcesOf("src");
const adapters = sourcesOf("adapters");

describe("imports", () => {
  it("are read from every source of the core", () => {
    expect(core.length).toBeGreaterThan(200);
    const imports = core.flatMap(({ path, text }) => importsOf(parse(path, text)));
    expect(imports.filter(({ kind }) => kind === "value").length).toBeGreaterThan(400);
    expect(imports.filter(({ kind }) => kind === "type").length).toBeGreaterThan(400);
  });

  it("go down the floors only, and none of Node's modules is imported by the core", () => {
    expect([...core, ...adapters].flatMap(violationsOf)).toEqual([]);
  });

  it("form no circle between files, types included", () => {
    expect(circlesIn(core)).toEqual([]);
  });

  it("would form a circle here", () => {
    const a = { path: "src/pool/a.ts", text: 'import type { B } from "./b.ts";' };
    const b = { path: "src/pool/b.ts", text: 'import { a } from "./a.ts";' };
    expect(circlesIn([a, b])).toEqual(["src/pool/a.ts → src/pool/b.ts → src/pool/a.ts"]);
  });
});

describe("files", () => {
  it("of the root are the public names and the relay", () => {
    expect(core.filter(({ path }) => path.split("/").length === 2).map(({ path }) => path)).toEqual(
      expect.arrayContaining(["src/index.ts", "src/relay.ts"]),
    );
    expect(core.filter(({ path }) => path.split("/").length === 2)).toHaveLength(2);
  });

  it("have names that no other file has", () => {
    const names = core.map(({ path }) => basename(path));
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });
});

describe("docs/architecture.md", () => {
  const page = readFileSync(join(root, "docs/architecture.md"), "utf8");
  const folders = [...new Set(core.map(({ path }) => path.split("/")[1]!))].filter(
    (name) => !name.endsWith(".ts"),
  );

  it("describes every folder, and no other", () => {
    const rows = [...page.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell]) => [
      ...cell!.matchAll(/`(\w+)\/`/g),
    ]);
    expect(rows.map(([, name]) => name).toSorted()).toEqual(folders.toSorted());
  });

  it("draws the floors in their order", () => {
    const [picture] = /```\n[^]*?```/.exec(page)!;
    const drawn = picture
      .split("\n")
      .map((line) => [...line.matchAll(/\b([\w-]+)(?:\/|\.ts)/g)].map(([, name]) => name!))
      .filter((names) => names.length > 0 && names[0] !== "adapters")
      .map((names) =>
        names.filter((name) => FLOORS.flat().some((it) => it.replace(".ts", "") === name)),
      );
    const floors = FLOORS.toReversed().map((names) => names.map((it) => it.replace(".ts", "")));
    expect(drawn.map((names) => names.toSorted())).toEqual(floors.map((names) => names.toSorted()));
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
    ["an import of the same floor", "src/pool/a.ts", 'import { toMount } from "../http/mount.ts";'],
    [
      "an import from above",
      "src/stream/a.ts",
      'import { a } from "../request/request-context.ts";',
    ],
    ["a type from above", "src/state/a.ts", 'import type { Pool } from "../pool/pool.ts";'],
    [
      "a type of the wiring",
      "src/attempts/a.ts",
      'import type { A } from "../wiring/services.ts";',
    ],
    ["an import by shared/", "src/shared/errors.ts", 'import { x } from "../dialects/builtin.ts";'],
    ["an export from relay.ts", "src/policies/a.ts", 'export { x } from "../relay.ts";'],
    ["a dynamic import", "src/pool/a.ts", 'const x = await import("../http/mount.ts");'],
    ["an import for its effects", "src/pool/a.ts", 'import "../http/mount.ts";'],
    ["a re-export", "src/pool/a.ts", 'export * from "../http/mount.ts";'],
    ["a value among the types", "src/contract/a.ts", "export const LIMIT = 3;"],
    ["a value imported by the types", "src/contract/a.ts", 'import { x } from "./b.ts";'],
    ["a module of Node", "src/relay.ts", 'import { join } from "node:path";'],
    ["a global of Node", "src/relay.ts", "const x = Buffer.from([]);"],
    ["undici outside of its transport", "src/wiring/a.ts", 'import { Agent } from "undici";'],
    ["h3, even for its types", "src/hosts/h3.ts", 'import type { H3Event } from "h3";'],
    ["an unnamed dependency", "src/wiring/a.ts", 'import x from "left-pad";'],
    ["the simulator", "src/wiring/a.ts", 'import type { S } from "../../simulator/index.ts";'],
  ])("%s", (_, path, text) => {
    expect(violationsOf({ path, text })).toHaveLength(1);
  });

  it("and what is allowed is not", () => {
    const text = `
      // import { toMount } from "../http/mount.ts";
      import type { Verdict } from "../contract/verdict.ts";
      import { RelayError } from "../shared/errors.ts";
      import { DIALECTS } from "../dialects/builtin.ts";
      import { Pool } from "./pool.ts";
      const code = 'import { x } from "../http/mount.ts"';
    `;
    expect(violationsOf({ path: "src/pool/a.ts", text })).toEqual([]);
  });

  it("and a folder on no floor is an error", () => {
    expect(() => violationsOf({ path: "src/new/a.ts", text: 'import "../pool/pool.ts";' })).toThrow(
      "src/new is on no floor",
    );
  });
});
