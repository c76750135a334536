/** The package as npm would publish it, installed with its declared dependencies and nothing else. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuilt } from "../../scripts/build.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Manifest {
  version: string;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
  scripts: Record<string, string>;
}

export const manifest: Manifest = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
) as Manifest;

export interface Installed {
  /** Folder of an app that has the package in its node_modules. */
  app: string;
  /** Folder of the package itself. */
  folder: string;
  /** Writes a file of the app. */
  write(name: string, text: string): string;
  /** Makes packages of this project's own node_modules available to the app. */
  link(...packages: string[]): void;
  /** The same for packages of a host's own folder under test/hosts/. */
  linkFrom(host: string, ...packages: string[]): void;
  remove(): void;
}

/** Packs, unpacks and links; needs no network. The app is in a new folder inside `parent`. */
export async function installPackage(parent: string = tmpdir()): Promise<Installed> {
  await ensureBuilt();
  mkdirSync(parent, { recursive: true });
  const app = mkdtempSync(join(parent, "h3-relay-app-"));
  const folder = join(app, "node_modules/h3-relay");
  mkdirSync(folder, { recursive: true });
  execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", app], {
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const tarball = join(app, `h3-relay-${manifest.version}.tgz`);
  execFileSync("tar", ["-xzf", tarball, "-C", folder, "--strip-components=1"]);
  const installed: Installed = {
    app,
    folder,
    write(name, text) {
      const path = join(app, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      return path;
    },
    link: (...packages) => linkInto(app, join(root, "node_modules"), packages),
    linkFrom: (host, ...packages) =>
      linkInto(app, join(root, "test/hosts", host, "node_modules"), packages),
    remove: () => rmSync(app, { recursive: true, force: true }),
  };
  installed.write("package.json", '{ "type": "module", "private": true }');
  installed.link(...withOwnDependencies(Object.keys(manifest.dependencies)));
  return installed;
}

function linkInto(app: string, from: string, packages: readonly string[]): void {
  for (const name of packages) {
    const place = join(app, "node_modules", name);
    mkdirSync(dirname(place), { recursive: true });
    // A package of a host replaces the one of this project.
    rmSync(place, { force: true, recursive: true });
    symlinkSync(join(from, name), place, "dir");
  }
}

/** Names of packages with those that they depend on: bundlers look for the latter in the app's folder, not behind the links. */
export function withOwnDependencies(names: readonly string[]): string[] {
  const found = new Set<string>();
  const add = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    const file = join(root, "node_modules", name, "package.json");
    const { dependencies = {} } = JSON.parse(readFileSync(file, "utf8")) as {
      dependencies?: Record<string, string>;
    };
    Object.keys(dependencies).forEach(add);
  };
  names.forEach(add);
  return [...found];
}
