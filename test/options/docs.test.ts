import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readOptions, renderOptions, toValue } from "../../scripts/options-table.mjs";
import {
  CORS_DEFAULTS,
  CREDENTIAL_DEFAULTS,
  DEFAULTS,
  UPSTREAM_DEFAULTS,
} from "../../src/options/defaults.ts";
import { optionsSchema } from "../../src/options/schema.ts";

const text = readFileSync(new URL("../../docs/options.md", import.meta.url), "utf8");
const options = readOptions();
const defaults = new Map([
  ...leaves(DEFAULTS, ""),
  ...leaves(UPSTREAM_DEFAULTS, "upstream."),
  ...leaves(CREDENTIAL_DEFAULTS, "credentials[]."),
  ...leaves(CORS_DEFAULTS, "cors."),
]);

describe("docs/options.md", () => {
  it("K13 K14 has the tables that the comments of the types make: `npm run docs:options` writes them", () => {
    expect(text).toBe(renderOptions(text));
  });

  it("K13 lists every option once", () => {
    const rows = [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, path]) => path!);
    expect(rows.toSorted()).toEqual(options.map(({ path }) => path).toSorted());
    expect(new Set(rows).size).toBe(rows.length);
  });
});

describe("the comments of the options' types", () => {
  it.each(options)("K13 say what $path is", ({ meaning, type }) => {
    expect(meaning).toMatch(/^\W*\w.*[.)]$/);
    expect(type).not.toBe("");
  });

  it.each([...defaults])("K14 name the default of %s as it is", (path, value) => {
    const option = options.find((it) => it.path === path);
    expect(toValue(option?.fallback ?? ""), path).toEqual(value);
  });

  it("K14 name no value as a default that is none", () => {
    const named = options.filter(({ fallback }) => toValue(fallback) !== undefined);
    expect(named.map(({ path }) => path).filter((path) => !defaults.has(path))).toEqual([]);
  });

  it("K13 are there for every option of the schema", () => {
    const known = new Set(options.map(({ path }) => path));
    const paths = [...pathsOf(optionsSchema as never)];
    expect(paths.length).toBeGreaterThan(90);
    expect(paths.filter((path) => !path.startsWith("upstreams.") && !known.has(path))).toEqual([]);
  });
});

function leaves(value: object, path: string): [string, unknown][] {
  return Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    const isGroup = typeof inner === "object" && inner !== null && !Array.isArray(inner);
    return isGroup ? leaves(inner, `${path}${key}.`) : [[path + key, inner]];
  });
}
interface Schema {
  type: string;
  entries?: Record<string, Schema>;
  wrapped?: Schema;
  pipe?: Schema[];
  item?: Schema;
  value?: Schema;
  getter?: (input: unknown) => Schema;
}

/** Objects of the operator's own are leaves: their methods are no options. */
function* pathsOf(schema: Schema, path = ""): Generator<string> {
  const inner =
    schema.wrapped ?? (schema.pipe && schema.pipe[0] !== schema ? schema.pipe[0] : undefined);
  if (schema.type === "lazy") return yield* pathsOf(schema.getter!(undefined), path);
  if (schema.type === "optional" && inner) return yield* pathsOf(inner, path);
  if (schema.type === "array" && schema.item!.type === "strict_object")
    return yield* pathsOf(schema.item!, `${path}[]`);
  if (schema.type === "record" && schema.value!.type === "strict_object")
    return yield* pathsOf(schema.value!, path === "upstreams" ? "upstreams" : `${path}.*`);
  if (schema.type !== "strict_object") return void (yield path);
  for (const [name, entry] of Object.entries(schema.entries!))
    yield* pathsOf(entry, path === "" ? name : `${path}.${name}`);
}
