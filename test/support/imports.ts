/** Reads the imports of a TypeScript source by parsing it. */
import ts from "typescript";

export interface Taken {
  /** The text inside the quotes. */
  from: string;
  /** Types are removed when the source is compiled; values are not. */
  kind: "value" | "type";
  line: number;
}

/** Node's own globals, which no web runtime has. */
const NODE_GLOBALS = new Set(["Buffer", "process", "setImmediate", "require", "__dirname"]);

export function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

/** Lists imports, re-exports and dynamic imports, in order. */
export function importsOf(source: ts.SourceFile): Taken[] {
  const taken: Taken[] = [];
  const add = (specifier: ts.Node, kind: Taken["kind"]): void => {
    const from = ts.isStringLiteralLike(specifier) ? specifier.text : "(computed)";
    taken.push({ from, kind, line: lineOf(source, specifier) });
  };
  walk(source, (node) => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, bringsValue(node.importClause) ? "value" : "type");
    if (ts.isExportDeclaration(node) && node.moduleSpecifier)
      add(node.moduleSpecifier, passesValue(node) ? "value" : "type");
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0]!, "value");
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, "type");
  });
  return taken;
}

/** Lists statements that leave code when compiled, by line. */
export function valuesIn(source: ts.SourceFile): number[] {
  return source.statements
    .filter((node) => !ts.isInterfaceDeclaration(node) && !ts.isTypeAliasDeclaration(node))
    .filter((node) => !ts.isImportDeclaration(node) || bringsValue(node.importClause))
    .filter((node) => !ts.isExportDeclaration(node) || passesValue(node))
    .map((node) => lineOf(source, node));
}

/** Lists uses of globals that only Node has, by name and line. Types and properties of that name do not count. */
export function nodeGlobalsIn(source: ts.SourceFile): { name: string; line: number }[] {
  const found: { name: string; line: number }[] = [];
  walk(source, (node) => {
    if (!ts.isIdentifier(node) || !NODE_GLOBALS.has(node.text)) return;
    const { parent } = node;
    const isName =
      ts.isTypeReferenceNode(parent) ||
      (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
      (ts.isPropertyAssignment(parent) && parent.name === node) ||
      ts.isPropertySignature(parent);
    if (!isName) found.push({ name: node.text, line: lineOf(source, node) });
  });
  return found;
}

/**
 * Lists functions that are written where they are assigned to a property (`a.b = () => …`), by line. V8 treats them as long-lived methods
 * and moves them to old space at once; everything they refer to is then kept until a full collection, long after its request has ended.
 */
export function functionsAssignedIn(source: ts.SourceFile): number[] {
  const found: number[] = [];
  walk(source, (node) => {
    if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.EqualsToken)
      return;
    const { left, right } = node;
    const isProperty = ts.isPropertyAccessExpression(left) || ts.isElementAccessExpression(left);
    if (isProperty && (ts.isArrowFunction(right) || ts.isFunctionExpression(right)))
      found.push(lineOf(source, node));
  });
  return found;
}

// `import "x"` runs x, and so does a default or namespace import.
function bringsValue(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return true;
  if (clause.isTypeOnly) return false;
  const { namedBindings } = clause;
  if (clause.name || !namedBindings || !ts.isNamedImports(namedBindings)) return true;
  return !namedBindings.elements.every(({ isTypeOnly }) => isTypeOnly);
}

function passesValue({ isTypeOnly, exportClause }: ts.ExportDeclaration): boolean {
  if (isTypeOnly) return false;
  if (!exportClause || !ts.isNamedExports(exportClause)) return true;
  return !exportClause.elements.every((element) => element.isTypeOnly);
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

function lineOf(source: ts.SourceFile, node: ts.Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}
