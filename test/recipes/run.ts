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
/** The made-up address in the documentation; the simulated upstream takes its place. */
const EXAMPLE = /https:\/\/api\.(?:example|openai)\.com/g;

export interface App {
  folder: string;
  recipe: Recipe;
  /** Runs the commands before the last one: installs and builds. Without keys in the environment. */
  prepare(): void;
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
  /** Other versions of packages that the recipe installs, by the name it gives. */
  packages?: Record<string, string>;
  /** Changes a file of the recipe; for what a user must fill in. */
  edit?(name: string, text: string): string;
}

/** Writes the files of a section into a new folder; `upstream` takes the place of the made-up address. */
export async function createApp(
  page: string,
  heading: string,
  upstream: Simulator,
  { packages = {}, edit = (_, text) => text }: AppOptions = {},
): Promise<App> {
  const folder = mkdtempSync(join(tmpdir(), "h3-relay-recipe-"));
  const tarball = await packPackage(folder);
  const recipe = readRecipe(readPage(page), heading);
  // What `npm init -y` leaves in an empty folder.
  write(folder, "package.json", '{ "name": "app", "version": "1.0.0", "private": true }\n');
  for (const { name, text } of recipe.files)
    write(folder, name, edit(name, text.replaceAll(EXAMPLE, upstream.url)));
  const installed = { ...packages, "h3-relay": tarball };
  const run = (line: string): void => {
    const [command, ...args] = toWords(line, installed);
    execFileSync(command!, args, { cwd: folder, stdio: "pipe", env: withoutKeys() });
  };
  return {
    folder,
    recipe,
    prepare: () => recipe.commands.slice(0, -1).forEach(run),
    start(env) {
      const [command, ...args] = toWords(recipe.commands.at(-1)!, installed);
      return startProcess({ command: command!, args: () => args, cwd: folder, env });
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function write(folder: string, name: string, text: string): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A command line without quotes or variables; where npm installs, `packages` says what a name stands for. */
function toWords(line: string, packages: Record<string, string>): string[] {
  const words = line.split(/\s+/);
  const isInstall = words[0] === "npm" && (words[1] === "i" || words[1] === "install");
  const named = isInstall ? words.map((word) => packages[word] ?? word) : words;
  return named[0] === "node" ? [process.execPath, ...named.slice(1)] : named;
}

function withoutKeys(): NodeJS.ProcessEnv {
  const { KEY_A: _a, KEY_B: _b, NODE_ENV: _n, VITEST: _v, TEST: _t, ...env } = process.env;
  return env;
}
