// Finds `relay.config.*`, the file with the relay's options.
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";

/** Folders of an app, from Nitro's options. */
export interface AppFolders {
  rootDir: string;
  srcDir?: string;
  serverDir?: string | false;
}

export interface ConfigFile {
  path?: string;
  /** Where it was looked for, for people. */
  searched: string;
}

const ENDINGS = ["ts", "mts", "js", "mjs"];

/** Searches the server's folder first, then the app's. */
export function findConfigFile({ rootDir, srcDir, serverDir }: AppFolders): ConfigFile {
  const named = [serverDir, srcDir, "server", "."].filter((folder) => typeof folder === "string");
  const folders = [...new Set(named.map((folder) => resolve(rootDir, folder)))];
  const paths = folders.flatMap((folder) =>
    ENDINGS.map((ending) => join(folder, `relay.config.${ending}`)),
  );
  const shown = folders.map((folder) => `${relative(rootDir, folder) || "."}/`);
  return {
    path: paths.find((path) => existsSync(path)),
    searched: `relay.config.{${ENDINGS.join(",")}} in ${shown.join(" and ")}`,
  };
}
