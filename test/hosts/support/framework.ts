/** A web framework's example, built like a user's app: the packed tarball next to npm's packages, and no key anywhere. */
import { execFile } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createSimulator, type Simulator } from "../../../simulator/index.ts";
import {
  type Installed,
  installPackage,
  manifest,
  withOwnDependencies,
} from "../../support/package.ts";
import { installedAt } from "./apps.ts";
import { type HostProcess, startProcess } from "./process.ts";

export interface Framework {
  /** Folder under examples/. */
  example: string;
  /** Folder under test/hosts/ that has the framework installed. */
  folder: string;
  /** A program of the framework that must exist. */
  program: string;
  /** Whether it needs a newer Node than the relay: then the one of test/hosts/node24 runs it. */
  isNewer?: boolean;
  /** File of the example in which the relay is created. */
  relayFile: string;
  /** Arguments of Node that build it. Omitted where nothing is built. */
  build?: string[];
  /** Arguments of Node that start the built app. */
  start: (port: number) => string[];
  /** Environment of the built app. */
  env?: Record<string, string>;
  /** Arguments of Node that start the framework's development server. */
  dev?: (port: number) => string[];
}

export interface Built {
  upstream: Simulator;
  app: Installed;
  /** The output of the build. */
  output: string;
  /** Starts the built app, with a key unless `env` says otherwise. */
  start(env?: Record<string, string>): Promise<HostProcess>;
  startDev(): Promise<HostProcess>;
  close(): Promise<void>;
}

export const KEY = "sk-framework-0123456789";
/** Printed by the factory of the example's options, into which a test inserts it. */
export const FACTORY_RAN = "the factory of the options ran";

const examples = fileURLToPath(new URL("../../../examples/", import.meta.url));
const QUIET = { NEXT_TELEMETRY_DISABLED: "1", ASTRO_TELEMETRY_DISABLED: "1" };
const ADDRESSES = { HOST: "127.0.0.1", HOSTNAME: "127.0.0.1", UPSTREAM_BASE_URL: "" };

/** Copies the example into a new folder and builds it. Throws with the build's output where that fails. */
export async function buildFramework(framework: Framework): Promise<Built> {
  const { example, folder, relayFile, build, start, dev, isNewer } = framework;
  const upstream = await createSimulator({ keys: { "team-a": KEY } });
  const app = await installPackage();
  installBeside(app, folder);
  cpSync(join(examples, example), app.app, { recursive: true });
  withPackage(app);
  app.write(relayFile, tellFactory(readFileSync(join(app.app, relayFile), "utf8")));
  const command = isNewer ? installedAt("node24", ".bin/node") : process.execPath;
  const env = { ...QUIET, ...ADDRESSES, UPSTREAM_BASE_URL: `${upstream.url}/v1` };
  const hosts: HostProcess[] = [];

  async function run(
    args: (port: number) => string[],
    more: Record<string, string>,
  ): Promise<HostProcess> {
    const host = await startProcess({ command, args, cwd: app.app, env: { ...env, ...more } });
    hosts.push(host);
    return host;
  }

  async function close(): Promise<void> {
    for (const host of hosts) await host.stop();
    await upstream.close();
    app.remove();
  }

  try {
    return {
      upstream,
      app,
      output: build ? await runBuild(command, build, app.app) : "",
      start: (more = { KEY_A: KEY }) => run(start, { ...framework.env, ...more }),
      startDev: () => run(dev!, { KEY_A: KEY, NODE_ENV: "development" }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Runs a build without a key or an upstream address in the environment. */
async function runBuild(command: string, args: string[], cwd: string): Promise<string> {
  const { PATH, HOME, TMPDIR } = process.env;
  const env = { PATH, HOME, TMPDIR, ...QUIET, NODE_ENV: "production" };
  const { stdout, stderr } = await promisify(execFile)(command, args, { cwd, env });
  return stdout + stderr;
}

/** The relay's dependency is where `npm i h3-relay` writes it; some frameworks bundle packages in other places. */
function withPackage(app: Installed): void {
  const path = join(app.app, "package.json");
  const own = JSON.parse(readFileSync(path, "utf8")) as { dependencies?: Record<string, string> };
  const dependencies = { ...own.dependencies, "h3-relay": `^${manifest.version}` };
  app.write("package.json", JSON.stringify({ ...own, dependencies }, undefined, 2));
}

function tellFactory(text: string): string {
  const changed = text
    .replace("createRelay(() => {\n", `createRelay(() => {\n  console.log("${FACTORY_RAN}");\n`)
    .replace("createRelay(() => ({", `createRelay(() => (console.log("${FACTORY_RAN}"), {`);
  if (changed === text) throw new Error("the example has no factory of the options");
  return changed;
}

/** Copies a host's packages into the app, as files: bundlers treat the target of a link as another project's. */
function installBeside(app: Installed, folder: string): void {
  const place = join(app.app, "node_modules");
  for (const name of withOwnDependencies(Object.keys(manifest.dependencies))) {
    rmSync(join(place, name));
    // The framework's copy of what a dependency of the relay depends on is enough: files of two versions must not mix.
    if (!(name in manifest.dependencies) && existsSync(installedAt(folder, name))) continue;
    linkTree(
      fileURLToPath(new URL(`../../../node_modules/${name}`, import.meta.url)),
      join(place, name),
    );
  }
  linkTree(installedAt(folder, "."), place);
}

/** Hard links where the file system supports them: some frameworks are 200 MB. */
function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else linkFile(source, target);
  }
}

function linkFile(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  try {
    linkSync(source, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // The relay's own dependency has priority.
    if (code !== "EEXIST") copyFileSync(source, target);
  }
}
