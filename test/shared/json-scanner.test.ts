import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePaths } from "../../src/shared/json-paths.ts";
import { JsonScanner } from "../../src/shared/json-scanner.ts";
import { scanJson } from "../../src/shared/scan-json.ts";
import { readValue, valuesAt } from "../../src/shared/json-value.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (body: Uint8Array): string => new TextDecoder().decode(body);

const PATHS = ["model", "a", "a.b", "a.b.model", "a[*]", "a[*].b", "a[*].b[*].model", "b[*][*].a"];
const PATH_NODE = compilePaths(PATHS);

/** What `JSON.parse` finds at a path. */
function expected(json: unknown, path: string): unknown[] {
  let found = [json];
  for (const step of path.replaceAll("[*]", ".[*]").split(".").filter(Boolean))
    found = found.flatMap((value) => {
      if (step === "[*]") return Array.isArray(value) ? value : [];
      const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
      return isObject && Object.hasOwn(value, step)
        ? [(value as Record<string, unknown>)[step]]
        : [];
    });
  return found;
}

function inSteps(body: Uint8Array, size: number): JsonScanner {
  const scanner = new JsonScanner(body, PATH_NODE);
  while (!scanner.step(size));
  return scanner;
}

function parse(text: string): { json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

function expectSame(body: Uint8Array, size: number): void {
  // Invalid UTF-8 is replaced, a byte order mark is removed: as the relay has always parsed bodies.
  const parsed = parse(decode(body));
  const { root } = inSteps(body, size);
  expect(root !== undefined, decode(body)).toBe(parsed !== undefined);
  if (!parsed) return;
  for (const path of PATHS) {
    const found = valuesAt(root, path);
    expect(found.map((value) => readValue(body, value))).toEqual(expected(parsed.json, path));
    const texts = found.map(({ start, end }) => decode(body.subarray(start, end)));
    expect(texts.map((text) => JSON.parse(text) as unknown)).toEqual(expected(parsed.json, path));
  }
}

const key = fc.oneof(fc.constantFrom("model", "a", "b", "Model", "c", ""), fc.string());
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(0, -0, 1e21, -1.5e-7, 123456789, true, false, null),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: "binary" }),
    fc.array(tie("tree"), { maxLength: 4 }),
    // Pairs, so that a name may occur several times.
    fc.array(fc.tuple(key, tie("tree")), { maxLength: 5 }).map((pairs) => ({ pairs })),
  ),
}));
/** How a document may be written: white space, and escaped characters. */
const writing = fc.record({
  spaces: fc.constantFrom("", " ", "\n\t ", "\r\n"),
  escape: fc.constantFrom<"none" | "some" | "all">("none", "some", "all"),
});
type Writing = typeof writing extends fc.Arbitrary<infer W> ? W : never;

function write(value: unknown, how: Writing): string {
  const s = how.spaces;
  if (typeof value === "string") return writeText(value, how);
  if (Array.isArray(value))
    return `[${s}${value.map((it) => write(it, how)).join(`${s},${s}`)}${s}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const { pairs } = value as { pairs: [string, unknown][] };
  const members = pairs.map(([name, it]) => `${writeText(name, how)}${s}:${s}${write(it, how)}`);
  return `{${s}${members.join(`${s},${s}`)}${s}}`;
}

function writeText(text: string, { escape }: Writing): string {
  const isEscaped = (at: number): boolean =>
    escape === "all" || (escape === "some" && at % 3 === 1);
  const units = [...text].map((character, at) =>
    isEscaped(at)
      ? character
          .split("")
          .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
          .join("")
      : JSON.stringify(character).slice(1, -1),
  );
  return `"${units.join("")}"`;
}

describe("a scan of a document", () => {
  it("N4 finds on each path what JSON.parse finds, however the document is written and wherever it is cut", () => {
    fc.assert(
      fc.property(
        tree,
        writing,
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        (value, how, size, hasMark) => {
          const text = `${hasMark ? "\uFEFF" : ""}${how.spaces}${write(value, how)}${how.spaces}`;
          expectSame(bytes(text), size);
        },
      ),
      { seed: 4, numRuns: 500 },
    );
  });

  it("N4 accepts and rejects what JSON.parse does, after any change of a byte", () => {
    const change = fc.record({
      at: fc.nat(),
      remove: fc.nat(2),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 2 }),
        fc
          .constantFrom(
            '"',
            "\\",
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "0",
            "-",
            ".",
            "e",
            "+",
            "\\u12",
            "n",
          )
          .map(bytes),
      ),
    });
    fc.assert(
      fc.property(
        tree,
        writing,
        change,
        fc.integer({ min: 1, max: 9 }),
        (value, how, { at, remove, insert }, size) => {
          const body = bytes(write(value, how));
          const from = at % (body.length + 1);
          const changed = [...body.subarray(0, from), ...insert, ...body.subarray(from + remove)];
          expectSame(new Uint8Array(changed), size);
        },
      ),
      { seed: 5, numRuns: 1_000 },
    );
  });

  it.each([
    "",
    " ",
    "\uFEFF",
    "\uFEFF\uFEFF{}",
    "{}x",
    "{} {}",
    "[1,]",
    "{,}",
    '{"a":1,}',
    '{"a"}',
    '{"a":}',
    "[,1]",
    "[1 2]",
    '{"a" 1}',
    "{1:2}",
    "{]",
    "[}",
    "]",
    "01",
    "-",
    "-01",
    "1.",
    ".5",
    "1.e3",
    "1e",
    "1e+",
    "1e+5",
    "-0",
    "1E-5",
    "+1",
    "tru",
    "truex",
    "True",
    "nul",
    '"\\x"',
    '"\\u12"',
    '"\\u12G4"',
    '"\\uD800"',
    '"\t"',
    '"a',
    '"\u2028"',
    "NaN",
    "'a'",
    "[[]",
    "[]]",
    '{"a":1 "b":2}',
    '{"a":1:2}',
    '{"a",1}',
    "1,2",
    "\u00A01",
    "[1]\u0000",
    '{"a":{"b":1}',
    "-e5",
    "1e5.5",
    "1-1",
    '"a" "b"',
    '{"a":"b":"c"}',
    '["a":1]',
  ])("N4 judges %j as JSON.parse does", (text) => {
    for (const size of [1, 3, 1_000]) expectSame(bytes(text), size);
  });

  it("N4 of several members with one name the last counts, and nothing below an earlier one", () => {
    const body = bytes('{"a":{"b":1},"a":{"c":2},"model":1,"model":"x"}');
    const { root } = scanJson(body, PATH_NODE);
    expect(valuesAt(root, "a.b")).toEqual([]);
    expect(valuesAt(root, "model").map((value) => readValue(body, value))).toEqual(["x"]);
  });

  it.each([
    ['{"model":"a"}', []],
    ['{"model":"a","model":"a"}', ["model"]],
    ['{"Model":"a"}', ["model"]],
    ['{"mod\\u0065l":"a"}', []],
    ['{"MOD\\u0045L":"a"}', ["model"]],
    ['{"model":"a","mod\\u0065l":"b"}', ["model"]],
    ['{"x":{"Model":"a"},"model":"a"}', []],
    ['{"modem":"a","modelx":"b","mode":"c"}', []],
  ])("N12 notes in %s which names are ambiguous", (text, names) => {
    expect([...scanJson(bytes(text), PATH_NODE).ambiguous]).toEqual(names);
  });

  it("N4 notes no more items than the limit, and checks the rest", () => {
    const items = Array.from({ length: 50 }, (_, nth) => nth);
    const body = bytes(JSON.stringify({ a: items, model: "m" }));
    const { root } = scanJson(body, PATH_NODE, { itemLimit: 10 });
    expect(valuesAt(root, "a[*]")).toHaveLength(10);
    expect(valuesAt(root, "model")).toHaveLength(1);
  });

  it("N4 looks no further than the first byte where only an object counts", () => {
    for (const text of ["[1]", '"a"', "1", "true"]) {
      const scanner = new JsonScanner(bytes(text + " ".repeat(100)), PATH_NODE, {
        objectOnly: true,
      });
      expect(scanner.step(4)).toBe(true);
      expect(scanner.root).toBeUndefined();
    }
    expect(scanJson(bytes(" {}"), PATH_NODE, { objectOnly: true }).root).toBeDefined();
  });

  it("N4 checks 400,000 levels of nesting", () => {
    const depth = 200_000;
    const text = `{"x":${'[{"a":'.repeat(depth)}1${"}]".repeat(depth)},"model":"m"}`;
    const body = bytes(text);
    const { root } = scanJson(body, PATH_NODE);
    expect(valuesAt(root, "model").map((value) => readValue(body, value))).toEqual(["m"]);
    expect(scanJson(body.subarray(0, -3), PATH_NODE).root).toBeUndefined();
  });
});

describe("a value that was found", () => {
  const LONG = 10_000;
  const read = (text: string, path: string): unknown => {
    const body = bytes(text);
    return valuesAt(scanJson(body, PATH_NODE).root, path).map((value) => readValue(body, value))[0];
  };

  it("N4 of a long text is read from its beginning, without half a character or half an escape", () => {
    const text = fc
      .array(fc.constantFrom("a", "é", "€", "😀", "\\", '"', "\n", "\u0001"), {
        minLength: LONG / 2,
        maxLength: LONG,
      })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, writing, (value, how) => {
        const found = String(read(`{"model":${writeText(value, how)}}`, "model"));
        expect(found.length).toBeGreaterThan(300);
        expect(value.startsWith(found)).toBe(true);
      }),
      { seed: 6, numRuns: 30 },
    );
    expect(String(read(`{"model":"${"\\\\".repeat(LONG)}"}`, "model"))).toMatch(/^\\{1,4096}$/);
  });

  it("N4 that is large is read as far as it lies on a path, and is not empty at the end of one", () => {
    const long = JSON.stringify("x".repeat(LONG));
    expect(read(`{"a":{"c":${long},"b":{"model":7}}}`, "a")).toEqual({ b: { model: 7 } });
    expect(Object.keys(read(`{"a":{"c":${long}}}`, "a") as object)).toHaveLength(1);
    expect(read(`{"a":[${long}],"b":2}`, "a")).toHaveLength(1);
    expect(read(`{"a":{${" ".repeat(LONG)}}}`, "a")).toEqual({});
    expect(read(`{"model":[${" ".repeat(LONG)}]}`, "model")).toEqual([]);
    expect(read(`{"model":[${long}]}`, "model")).toHaveLength(1);
    expect(read(`{"model":${"1".repeat(LONG)}}`, "model")).toBe(0);
  });
});
