/** Apps of test/hosts/apps/, copied to where the package is installed, and the runtimes that they need. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isMissing } from "../../support/needs.ts";
import type { Installed } from "../../support/package.ts";

const hosts = new URL("../", import.meta.url);

/** Copies an app and the shared options; returns its path. */
export function copyApp(app: Installed, name: string, as: string = name): string {
  copy(app, "options.mjs", "options.mjs");
  return copy(app, name, as);
}

function copy(app: Installed, name: string, as: string): string {
  return app.write(as, readFileSync(new URL(`apps/${name}`, hosts), "utf8"));
}

/** Path of a program that a host's folder has installed. */
export function installedAt(host: string, path: string): string {
  return fileURLToPath(new URL(`${host}/node_modules/${path}`, hosts));
}

/** True, after a message, where a host's folder is not installed. Throws in CI. */
export function isNotInstalled(host: string, path: string): boolean {
  const remedy = `npm ci --prefix test/hosts/${host}`;
  return isMissing(`${path} of test/hosts/${host}`, existsSync(installedAt(host, path)), remedy);
}
