import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DEFAULTS } from "../../src/options/defaults.ts";
import { optionsSchema } from "../../src/options/schema.ts";

const text = readFileSync(new URL("../../docs/options.md", import.meta.url), "utf8");
/** Option → default as written, without its backticks. */
const rows = new Map(
  [...text.matchAll(/^\| `([^`]+)` \|[^|]+\|([^|]*)\|/gm)].map(([, name, value]) => [
    name!,
    value!.trim().replaceAll("`", ""),
  ]),
);

describe("docs/options.md", () => {
  it("K14 names every default as it is", () => {
    for (const [name, value] of leaves(DEFAULTS)) {
      const written = rows.get(name);
      expect(written, name).toBeDefined();
      expect(toValue(written!), name).toEqual(value);
    }
  });

  it("K14 names no other default for a group that has defaults", () => {
    const known = new Set(leaves(DEFAULTS).map(([name]) => name));
    const groups = Object.keys(DEFAULTS).filter((name) => name !== "base" && name !== "cors");
    for (const [name, written] of rows) {
      if (groups.some((group) => name.startsWith(`${group}.`)) && !known.has(name))
        expect(written, name).toBe("");
    }
  });

  it("K13 names every option and no other", () => {
    const options = [...pathsOf(optionsSchema as never)].filter(
      (path) => !path.startsWith("upstreams."),
    );
    expect([...rows.keys()].toSorted()).toEqual(expect.arrayContaining(options.toSorted()));
    const groups = ["upstream", "upstreams", "models", "credentials", "cors"].concat(
      "credentials[].anonymous",
      "scheduling.preferred",
      "scheduling.protect",
    );
    expect([...rows.keys()].filter((name) => !options.includes(name)).toSorted()).toEqual(
      groups.toSorted(),
    );
  });
});

function leaves(value: object, path = ""): [string, unknown][] {
  return Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    const name = path + key;
    const isGroup = typeof inner === "object" && inner !== null && !Array.isArray(inner);
    return isGroup
      ? leaves(inner, `${name}.`)
      : name === "cors"
        ? [["cors", inner]]
        : [[name, inner]];
  });
}

function toValue(written: string): unknown {
  return JSON.parse(written.replace(/(?<=\d)_(?=\d)/g, ""));
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
