/** The state as a separate program, for tests that need real processes: to kill them, and to run several at once. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const SOURCE = fileURLToPath(new URL("../../src/", import.meta.url));
const MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));

export interface Program {
  /** Runs the child, which finds `./state/…` and every dependency as a file of this repository would. */
  start(args: readonly string[]): ChildProcess;
  dispose(): Promise<void>;
}

/** Writes the state as JavaScript, which every Node runs, with `child` beside it. */
export async function createProgram(child: string): Promise<Program> {
  const target = await mkdtemp(join(tmpdir(), "relay-program-"));
  // The state imports from shared/ and contract/ alone.
  for (const folder of ["state", "contract", "shared"]) await transpile(folder, target);
  await writeFile(join(target, "package.json"), '{"type":"module"}');
  await writeFile(join(target, "child.mjs"), child);
  await symlink(MODULES, join(target, "node_modules"));
  return {
    start: (args) => spawn(process.execPath, [join(target, "child.mjs"), ...args]),
    dispose: () => rm(target, { recursive: true, force: true }),
  };
}

async function transpile(folder: string, target: string): Promise<void> {
  for (const file of await readdir(join(SOURCE, folder), { recursive: true })) {
    if (!file.endsWith(".ts")) continue;
    const written = join(target, folder, file.replace(/\.ts$/, ".js"));
    await mkdir(dirname(written), { recursive: true });
    await writeFile(written, toJavaScript(await readFile(join(SOURCE, folder, file), "utf8")));
  }
}

function toJavaScript(source: string): string {
  return ts.transpileModule(source, {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    },
  }).outputText;
}
