/** Follows a recipe of the documentation in a fresh folder, with the packed package and what npm installs today. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuilt } from "../../scripts/build.mjs";
import type { Simulator } from "../../simulator/index.ts";
import { type HostProcess, startProcess } from "../hosts/support/process.ts";
import { type Recipe, readRecipe } from "./page.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** The placeholder address in the documentation. The simulated upstream replaces it. */
const EXAMPLE = /https:\/\/api\.(?:example|openai)\.com/g;

/** A page and the heading of one of its sections. */
export type Section = readonly [page: string, heading: string];

export interface App {
  folder: string;
  recipe: Recipe;
  /** Runs the commands before the last one: installs, then builds. Without keys in the environment. */
  prepare(env?: Record<string, string>): void;
  /** Runs the last command, which starts the server, with `env`. */
  start(env: Record<string, string>): Promise<HostProcess>;
  remove(): void;
}

export function readPage(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** Packs the package as npm would publish it; returns the tarball's path. */
export async function packPackage(into: string): Promise<string> {
  await ensureBuilt();
  const printed = execFileSync(
    "npm",
    ["pack", "--silent", "--ignore-scripts", "--pack-destination", into],
    { cwd: root, encoding: "utf8" },
  );
  return join(into, printed.trim().split("\n").at(-1)!);
}

export interface AppOptions {
  /** Replacements for packages that the recipe installs, by the recipe's name; `""` installs nothing. */
  packages?: Record<string, string>;
  /** Paths of programs that npm does not install into the app, by the name of their command. */
  programs?: Record<string, string>;
  /** Changes a file of the recipe, for values that a user must fill in. */
  edit?(name: string, text: string): string;
}

/** Writes the files of the sections into a new folder; later files replace earlier ones, and `upstream` replaces the placeholder address. */
export async function createApp(
  sections: readonly Section[],
  upstream: Simulator,
  { packages = {}, programs = {}, edit = (_, text) => text }: AppOptions = {},
): Promise<App> {
  const folder = mkdtempSync(join(tmpdir(), "h3-relay-recipe-"));
  const tarball = await packPackage(folder);
  const recipe = joinRecipes(sections);
  // As `npm init -y` writes it in an empty folder.
  write(folder, "package.json", '{ "name": "app", "version": "1.0.0", "private": true }\n');
  for (const { name, text } of recipe.files)
    write(folder, name, edit(name, text.replaceAll(EXAMPLE, upstream.url)));
  const toWords = readerOf({ ...packages, "h3-relay": tarball }, programs);
  return {
    folder,
    recipe,
    prepare(more) {
      for (const line of recipe.commands.slice(0, -1)) {
        const [command, ...args] = toWords(line);
        const env = { ...withoutKeys(), ...more };
        execFileSync(command!, args, { cwd: folder, stdio: "pipe", env });
      }
    },
    start(env) {
      const [command, ...args] = toWords(recipe.commands.at(-1)!);
      return startProcess({ command: command!, args: () => args, cwd: folder, env });
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Joins sections into one recipe: the installs go first, and the last of the other commands starts the app. */
function joinRecipes(sections: readonly Section[]): Recipe {
  const recipes = sections.map(([page, heading]) => readRecipe(readPage(page), heading));
  const commands = recipes.flatMap((recipe) => recipe.commands);
  return {
    commands: [...commands.filter(isInstall), ...commands.filter((command) => !isInstall(command))],
    files: recipes.flatMap(({ files }) => files),
  };
}

function isInstall(command: string): boolean {
  return /^npm (?:i|install) /.test(command);
}

function write(folder: string, name: string, text: string): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Splits a command line without quotes or variables. In npm's installs, `packages` replaces names. */
function readerOf(
  packages: Record<string, string>,
  programs: Record<string, string>,
): (line: string) => string[] {
  const known: Record<string, string> = { node: process.execPath, ...programs };
  return (line) => {
    const words = line.split(/\s+/);
    const named = isInstall(line)
      ? words.map((word) => packages[word] ?? word).filter(Boolean)
      : words;
    return [known[named[0]!] ?? named[0]!, ...named.slice(1)];
  };
}

function withoutKeys(): NodeJS.ProcessEnv {
  const { KEY_A: _a, KEY_B: _b, NODE_ENV: _n, VITEST: _v, TEST: _t, ...env } = process.env;
  return env;
}
