/** The schema of the options is tied to their types: what is in one of them alone does not compile. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { options } = ts.parseJsonConfigFileContent(
  { ...ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile).config, include: [] },
  ts.sys,
  root,
);

/** An edit of a file of src/options, where TypeScript finds it, and a part of what it says. */
const EDITS: Record<
  string,
  { file: string; from: string; to: string; found: string; message: string }
> = {
  "an option in the types alone": {
    file: "group-types",
    from: "  rotateEvery?: number;",
    to: "  rotateEvery?: number;\n  turns?: number;",
    found: "group-schemas",
    message: "Property 'turns' is missing",
  },
  "an option in the schema alone": {
    file: "group-schemas",
    from: "  rotateEvery: count,",
    to: "  rotateEvery: count,\n  turns: count,",
    found: "group-schemas",
    message: "NotInType",
  },
  "an option that may be `false` in the types alone": {
    file: "group-types",
    from: "  rotateEvery?: number;",
    to: "  rotateEvery?: number | false;",
    found: "group-schemas",
    message: "TypeDiffers<number | false, number>",
  },
  "an option that may be `false` in the schema alone": {
    file: "group-schemas",
    from: "  rotateEvery: count,",
    to: "  rotateEvery: orOff(count),",
    found: "group-schemas",
    message: "TypeDiffers<number, number | false>",
  },
  "a name of a mode in the types alone": {
    file: "group-types",
    from: '"cache-first" | "performance-first"',
    to: '"cache-first" | "cache-only" | "performance-first"',
    found: "group-schemas",
    message: "TypeDiffers",
  },
  "an option that must be given in the types alone": {
    file: "upstream-types",
    from: "  passHeaders?: string[];",
    to: "  passHeaders: string[];",
    found: "upstream-schema",
    message: "Property 'passHeaders' is missing",
  },
  "an option that must be given in the schema alone": {
    file: "credential-types",
    from: "  id: string;",
    to: "  id?: string;",
    found: "credential-schema",
    message: "Expected 1 arguments, but got 3.",
  },
  "an option at the top in the types alone": {
    file: "types",
    from: "  mount?: string;",
    to: "  mount?: string;\n  turns?: string;",
    found: "schema",
    message: "Property 'turns' is missing",
  },
  "a field of a refusal rule in the types alone": {
    file: "../refusals/operator-rules",
    from: "    disables?: boolean;",
    to: "    disables?: boolean;\n    turns?: string;",
    found: "rule-schema",
    message: "Property 'turns' is missing",
  },
};

const pathOf = (file: string): string =>
  fileURLToPath(new URL(`../../src/options/${file}.ts`, import.meta.url));

/** Compiler over the sources, one file of which is edited at a time. */
function createCompiler(): (file: string, text: string | undefined) => ts.Program {
  const edits = new Map<string, string>();
  const sources = new Map<string, ts.SourceFile | undefined>();
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile;
  host.getSourceFile = (name, languageVersion) => {
    const text = edits.get(name);
    if (text !== undefined) return ts.createSourceFile(name, text, languageVersion);
    if (!sources.has(name)) sources.set(name, read(name, languageVersion));
    return sources.get(name);
  };
  let program: ts.Program | undefined;
  return (file, text) => {
    edits.clear();
    if (text !== undefined) edits.set(pathOf(file), text);
    program = ts.createProgram([pathOf("schema")], options, host, program);
    return program;
  };
}

const compile = createCompiler();

function messagesIn(program: ts.Program, file: string): string[] {
  return program
    .getSemanticDiagnostics(program.getSourceFile(pathOf(file)))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}

describe("K13 the schema is tied to the types", { timeout: 60_000 }, () => {
  it("K13 compiles as it is", () => {
    const program = compile("schema", undefined);
    for (const { found } of Object.values(EDITS))
      expect(messagesIn(program, found), found).toEqual([]);
  });

  it.each(Object.entries(EDITS))("K13 refuses %s", (_name, { file, from, to, found, message }) => {
    const text = readFileSync(pathOf(file), "utf8");
    expect(text).toContain(from);
    const messages = messagesIn(compile(file, text.replace(from, to)), found);
    expect(messages.join("\n")).toContain(message);
  });
});
