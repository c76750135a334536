// Writes the tables of docs/observing.md from the comments of the types: `npm run docs:observing`. Units stay as they are in the table.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import ts from "typescript";

const root = new URL("..", import.meta.url);
const page = new URL("docs/observing.md", root);

/** Interfaces and types of the public events and of the status, by name. */
function readDeclarations() {
  const files = readdirSync(new URL("src/contract", root)).map((name) => `src/contract/${name}`);
  const declared = new Map();
  for (const file of [...files, "src/observe/hooks.ts"]) {
    const source = readFileSync(new URL(file, root), "utf8");
    ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true).forEachChild((node) => {
      if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node))
        declared.set(node.name.text, node);
    });
  }
  return declared;
}

function commentOf(node) {
  const [first] = ts.getJSDocCommentsAndTags(node);
  return typeof first?.comment === "string" ? first.comment.replace(/\s+/g, " ") : "";
}

function toRow(field, units) {
  const name = field.name.getText();
  const type =
    field.type.getText().replace(/\s+/g, " ") + (field.questionToken ? " | undefined" : "");
  return `| \`${name}\` | \`${type.replaceAll("|", "\\|")}\` | ${units.get(name) ?? ""} | ${commentOf(field)} |`;
}

function toTable(node, section) {
  const units = new Map(
    [...section.matchAll(/^\| `(\w+)` \| `.+?` \|(.*?)\| .+ \|$/gm)].map(([, name, unit]) => [
      name,
      unit.trim(),
    ]),
  );
  return node.members
    .filter(ts.isPropertySignature)
    .map((field) => toRow(field, units))
    .join("\n");
}

const declared = readDeclarations();
const text = readFileSync(page, "utf8").replace(
  /^(### `(\w+)`\n)([^]*?)(?=^##|(?![^]))/gm,
  (whole, title, name, section) => {
    const node = declared.get(name);
    if (!node || !ts.isInterfaceDeclaration(node)) return whole;
    const table = /(^\| --- .*\n)((?:^\|.*\n?)+)/m;
    return title + section.replace(table, (_, head) => `${head}${toTable(node, section)}\n`);
  },
);
writeFileSync(page, text);
