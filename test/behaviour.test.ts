import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Rows that docs/behaviour.md promises. */
const promised = [
  ...readFileSync(join(root, "docs/behaviour.md"), "utf8").matchAll(/^\| ([A-N]\d+) \|/gm),
].map(([, id]) => id!);

function sourcesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => name !== "node_modules")
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? sourcesIn(path) : /\.(?:ts|mjs)$/.test(path) ? [path] : [];
    });
}

/** Titles of tests and of the groups around them, without those that are skipped for good. */
function titlesIn(text: string): string[] {
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const [title] = node.arguments;
      const called = node.expression.getText();
      if (title && /^(?:it|test|describe)\b(?!\.(?:skip|todo)\b)/.test(called))
        titles.push(startOf(title));
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("a.ts", text, ts.ScriptTarget.Latest, true));
  return titles;
}

function startOf(title: ts.Expression): string {
  if (ts.isTemplateExpression(title)) return title.head.text;
  return ts.isStringLiteralLike(title) ? title.text : "";
}

function rowsOf(title: string): string[] {
  return /^(?:[A-N]\d+\b[\s,·:]*)+/.exec(title)?.[0].match(/[A-N]\d+/g) ?? [];
}

it("every row of the behaviour is named by a test, and stands there once", () => {
  const sources = sourcesIn("test").map((path) => readFileSync(join(root, path), "utf8"));
  const named = new Set(sources.flatMap(titlesIn).flatMap(rowsOf));
  expect(promised.length).toBeGreaterThan(60);
  expect(promised.filter((id) => !named.has(id))).toEqual([]);
  expect(new Set(promised).size).toBe(promised.length);
});

it("a title names its rows at its beginning alone", () => {
  const text = `
    describe("A1 stable", () => { it(\`B2 B10 \${x}\`, f); it.each([1])("C3, C4: x", f); });
    it.skip("D1 x", f); it("does not name D2", f); other("D3 x");
  `;
  expect(titlesIn(text).flatMap(rowsOf)).toEqual(["A1", "B2", "B10", "C3", "C4"]);
});

/** Ids in brackets in the comments of a source, `(G7, G8)`: rows that the code refers to. */
function rowsInComments(text: string): string[] {
  return [...text.matchAll(/^\s*(?:\/\/|\/?\*).*$|\/\/.*$/gm)]
    .flatMap(([comment]) => comment.match(/\([^()]*\b[A-N]\d{1,2}\b[^()]*\)/g) ?? [])
    .flatMap((brackets) => brackets.match(/\b[A-N]\d{1,2}\b/g) ?? []);
}

it("every row that a comment refers to is in docs/behaviour.md", () => {
  const sources = ["src", "adapters", "simulator", "playground", "bench"].flatMap(sourcesIn);
  const unknown = sources.flatMap((path) =>
    rowsInComments(readFileSync(join(root, path), "utf8"))
      .filter((id) => !promised.includes(id))
      .map((id) => `${path}: ${id}`),
  );
  expect(sources.length).toBeGreaterThan(250);
  expect(unknown).toEqual([]);
});

it("finds the rows that comments refer to", () => {
  const text =
    "/** Waits (G7, H2). */\n// alone (M4)\nconst a = '(Z1)'; // beside code (E2)\nf(A1);";
  expect(rowsInComments(text)).toEqual(["G7", "H2", "M4", "E2"]);
});
