// `npm run docs:options`: writes the tables of docs/options.md from the comments of the options' types.
// `<!-- options: upstream, mount -->` begins a table of these options and everything in them; `<!-- /options -->` ends it.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = new URL("../", import.meta.url);
const page = new URL("docs/options.md", root);

/** Objects in code: their methods are no options. */
const OBJECTS = new Set(["Dialect", "TokenSource", "StateStorage", "Log", "Transport", "Clock"]);
/** Interfaces that are listed for a type made from them. */
const LISTED = { HookHandlers: "RelayHooks" };
/** Options that repeat others under a name. */
const REPEATED = new Set(["upstreams"]);
const UNITS = [
  [/\bin ms\b/, "ms"],
  [/\bin bytes\b/, "bytes"],
  [/\bPercent\b/, "percent"],
];

/** Every option: its path, type, default and meaning as its comment says them. */
export function readOptions() {
  const declared = readTypes();
  return [...rowsOf(["OneUpstream", "SeveralUpstreams", "CommonOptions"], "", declared)];
}

/** Returns the page with its tables written anew. */
export function renderOptions(text) {
  const options = readOptions();
  const listed = [...text.matchAll(/<!-- options: (.+?) -->/g)].flatMap(([, names]) =>
    names.split(", "),
  );
  return text.replace(
    /(<!-- options: (.+?) -->\n)[^]*?(<!-- \/options -->)/g,
    (_, start, names, end) => {
      const rows = names
        .split(", ")
        .flatMap((name) => options.filter(({ path }) => placeOf(path, listed) === name));
      return `${start}${tableOf(rows)}${end}`;
    },
  );
}

/** The most exact one of the listed names that an option belongs to. */
function placeOf(path, listed) {
  return listed
    .filter((name) => path === name || /^[.[]/.test(path.slice(name.length)))
    .filter((name) => path.startsWith(name))
    .toSorted((one, other) => other.length - one.length)[0];
}

function tableOf(rows) {
  const lines = rows.map(({ path, type, fallback, meaning }) =>
    [`\`${path}\``, type, shown(fallback), meaning].map((cell) => cell.replaceAll("|", "\\|")),
  );
  const head = [["option", "type", "default", "meaning"], Array(4).fill("---")];
  const rowOf = (cells) =>
    `|${cells.map((cell) => (cell === "" ? " " : ` ${cell} `)).join("|")}|\n`;
  return [...head, ...lines].map(rowOf).join("");
}

/** A default that is a value stands in backticks. */
function shown(fallback) {
  return fallback === "" || toValue(fallback) === undefined ? fallback : `\`${fallback}\``;
}

/** The value that a comment writes as a default; `undefined` for a description. */
export function toValue(fallback) {
  try {
    return JSON.parse(fallback.replace(/(?<=\d)_(?=\d)/g, ""));
  } catch {
    return undefined;
  }
}

/** Interfaces and type aliases that options are made of, by name. */
function readTypes() {
  const names = readdirSync(new URL("src/options/", root)).filter((name) =>
    name.endsWith("types.ts"),
  );
  const contract = readdirSync(new URL("src/contract/", root)).map((name) => `contract/${name}`);
  const files = [...names.map((name) => `options/${name}`), ...contract].concat(
    "refusals/operator-rules.ts",
    "observe/hooks.ts",
  );
  const declared = new Map();
  for (const file of files) {
    const text = readFileSync(new URL(`src/${file}`, root), "utf8");
    ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true).forEachChild((node) => {
      if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node))
        declared.set(node.name.text, node);
    });
  }
  return declared;
}

function* rowsOf(names, prefix, declared) {
  for (const member of membersOf(names, declared)) yield* rowsOfMember(member, prefix, declared);
}

function* rowsOfMember(member, prefix, declared) {
  if (member.type?.kind === ts.SyntaxKind.UndefinedKeyword) return;
  const path = prefix + member.name.getText();
  const { meaning, fallback } = commentOf(member);
  const type = ts.isMethodSignature(member) ? "function" : typeOf(member.type, meaning, declared);
  yield { path, type, fallback, meaning };
  if (!member.type || REPEATED.has(path) || ts.isMethodSignature(member)) return;
  const inner = groupOf(member.type, declared);
  if (inner)
    for (const row of inner.members) yield* rowsOfMember(row, `${path}${inner.step}`, declared);
}

/** Properties and methods of some interfaces: of those that they extend first, each once. */
function membersOf(names, declared, seen = new Set()) {
  return names.flatMap((name) => {
    const node = declared.get(name);
    if (!node || seen.has(name)) return [];
    seen.add(name);
    const parents = (node.heritageClauses ?? []).flatMap(({ types }) =>
      types.map(({ expression }) => expression.getText()),
    );
    return [
      // The options of a relay follow its upstreams.
      ...(name.endsWith("Upstream") || name.endsWith("Upstreams")
        ? []
        : membersOf(parents, declared, seen)),
      ...node.members.filter((it) => ts.isPropertySignature(it) || ts.isMethodSignature(it)),
    ];
  });
}

/** The options inside an option, and what leads to them in a path. */
function groupOf(type, declared, step = ".") {
  if (ts.isTypeLiteralNode(type)) return { step, members: [...type.members] };
  if (ts.isArrayTypeNode(type)) return groupOf(type.elementType, declared, "[].");
  if (ts.isUnionTypeNode(type))
    return type.types.map((it) => groupOf(it, declared, step)).find(Boolean);
  if (!ts.isTypeReferenceNode(type)) return undefined;
  const name = type.typeName.getText();
  if (name === "Record") return groupOf(type.typeArguments[1], declared, ".*.");
  const node = declared.get(LISTED[name] ?? name);
  if (!node || OBJECTS.has(name)) return undefined;
  if (ts.isInterfaceDeclaration(node))
    return { step, members: membersOf([node.name.text], declared) };
  if (!ts.isUnionTypeNode(node.type)) return undefined;
  const names = node.type.types.filter(ts.isTypeReferenceNode).map((it) => it.typeName.getText());
  const kinds = names.filter((it) => declared.has(it)).toReversed();
  const members = membersOf(kinds, declared);
  return members.length > 0 ? { step, members } : undefined;
}

/** A type in words for the table. */
function typeOf(type, meaning, declared) {
  if (ts.isUnionTypeNode(type)) {
    const parts = type.types
      .flatMap((it) => typeOf(it, meaning, declared).split(/, | or /))
      .filter(Boolean);
    return listOf([...new Set(parts)]);
  }
  if (ts.isParenthesizedTypeNode(type)) return typeOf(type.type, meaning, declared);
  if (ts.isFunctionTypeNode(type) || ts.isTypeQueryNode(type)) return "function";
  if (ts.isTypeLiteralNode(type)) return "object";
  if (ts.isTypeOperatorNode(type)) return typeOf(type.type, meaning, declared);
  if (ts.isArrayTypeNode(type))
    return `list of ${pluralOf(typeOf(type.elementType, "", declared))}`;
  if (ts.isLiteralTypeNode(type)) return `\`${type.getText()}\``;
  if (type.kind === ts.SyntaxKind.UndefinedKeyword) return "";
  if (type.kind === ts.SyntaxKind.NumberKeyword)
    return UNITS.find(([words]) => words.test(meaning))?.[1] ?? "number";
  return ts.isTypeReferenceNode(type) ? referred(type, declared) : type.getText();
}

function referred(type, declared) {
  const name = type.typeName.getText();
  if (name === "Record") return "record";
  if (name === "RegExp") return name;
  const node = declared.get(name);
  if (OBJECTS.has(name)) return "object";
  // Names of tiers, and of what other types leave.
  if (!node || name === "Exclude") return "string";
  if (ts.isInterfaceDeclaration(node) || ts.isMappedTypeNode(node.type)) return "object";
  if (ts.isFunctionTypeNode(node.type)) return "function";
  if (!ts.isUnionTypeNode(node.type)) return "string";
  return node.type.types.every(ts.isLiteralTypeNode) ? typeOf(node.type, "", declared) : "object";
}

function listOf(words) {
  return [words.slice(0, -1).join(", "), words.at(-1)].filter(Boolean).join(" or ");
}

const pluralOf = (word) => (/^(?:string|number|object)$/.test(word) ? `${word}s` : word);

/** What a comment says, and its default. */
function commentOf(node) {
  const comment = node.jsDoc?.at(-1);
  const meaning = textOf(comment?.comment);
  const tag = comment?.tags?.find(({ tagName }) => tagName.text === "default");
  return {
    meaning: meaning.replace(/docs\/([\w-]+)\.md(#[\w-]+)?/g, "[$1]($1.md$2)"),
    fallback: textOf(tag?.comment),
  };
}

function textOf(comment) {
  return (ts.getTextOfJSDocComment(comment) ?? "").replace(/\s+/g, " ").trim();
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(page, renderOptions(readFileSync(page, "utf8")));
