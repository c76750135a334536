/** The unit of every public number is in its own comment: an editor shows nothing else. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = new URL("../../", import.meta.url);
/** Entries of the package whose types are public. */
const ENTRIES = [
  "src/index.ts",
  "adapters/runtime/index.ts",
  ...readdirSync(new URL("adapters", root))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `adapters/${name}`),
];

/** Words that say what a number counts or measures. */
const UNIT =
  /\bms\b|\bseconds\b|\bbytes\b|\bnumbers? (?:of|from|that)\b|\bpercent\b|\bshare\b|\bfactor\b|\bHTTP status\b|\bpriority\b|\bposition\b|\brequests left\b/i;

/** Points in time that are texts. */
const ISO = /\bISO UTC\b/;
const IS_POINT = /(?:At|Until|\.at)$/;

interface Field {
  name: string;
  comment: string;
}

const parsed = new Map<string, ts.SourceFile>();
function parse(path: string): ts.SourceFile {
  let source = parsed.get(path);
  if (source === undefined) {
    const text = readFileSync(new URL(path, root), "utf8");
    source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    parsed.set(path, source);
  }
  return source;
}

/** Interfaces and types that an entry exports, its own or another file's. */
function exportedBy(path: string, names?: ReadonlySet<string>): ts.Declaration[] {
  return parse(path).statements.flatMap((node): ts.Declaration[] => {
    if (ts.isExportDeclaration(node) && node.moduleSpecifier && node.exportClause) {
      const from = new URL((node.moduleSpecifier as ts.StringLiteral).text, new URL(path, root));
      const listed = (node.exportClause as ts.NamedExports).elements.map(({ name }) => name.text);
      const wanted = listed.filter((name) => names === undefined || names.has(name));
      return exportedBy(fileURLToPath(from).slice(fileURLToPath(root).length), new Set(wanted));
    }
    if (!ts.isInterfaceDeclaration(node) && !ts.isTypeAliasDeclaration(node)) return [];
    const isExported = node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    return isExported && (names?.has(node.name.text) ?? true) ? [node] : [];
  });
}

function commentOf(node: ts.Node): string {
  const [first] = ts.getJSDocCommentsAndTags(node);
  return (ts.getTextOfJSDocComment(first?.comment) ?? "").replace(/\s+/g, " ");
}

/** Fields that may be a number or are a point in time, also inside objects written in place. */
function* numbersIn(node: ts.Node, path: string): Generator<Field> {
  if (ts.isFunctionTypeNode(node) || ts.isMethodSignature(node)) return;
  if (!ts.isPropertySignature(node)) {
    for (const child of node.getChildren()) yield* numbersIn(child, path);
    return;
  }
  const name = `${path}.${node.name.getText()}`;
  const isNumber = (type: ts.Node): boolean =>
    type.kind === ts.SyntaxKind.NumberKeyword ||
    ((ts.isUnionTypeNode(type) || ts.isArrayTypeNode(type)) &&
      type.getChildren().some((it) => isNumber(it) || it.getChildren().some(isNumber)));
  if (node.type && isNumber(node.type)) yield { name, comment: commentOf(node) };
  else if (node.type && IS_POINT.test(name) && !ts.isFunctionTypeNode(node.type))
    yield { name, comment: commentOf(node) };
  else if (node.type) yield* numbersIn(node.type, name);
}

const fields = [
  ...new Map(
    ENTRIES.flatMap((entry) => exportedBy(entry))
      .flatMap((node) => [...numbersIn(node, (node as ts.InterfaceDeclaration).name.text)])
      .map((field) => [field.name, field]),
  ).values(),
];

describe("public numbers", () => {
  it("are found", () => {
    expect(fields.length).toBeGreaterThan(80);
  });

  it.each(fields)("$name has its unit in its comment", ({ comment, name }) => {
    expect(comment).toMatch(IS_POINT.test(name) && !/\bms\b/.test(comment) ? ISO : UNIT);
  });
});
