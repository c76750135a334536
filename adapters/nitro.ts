/**
 * A module for Nitro 2 and Nitro 3: `modules: ["h3-relay/nitro"]`. Serves the relay at `runtimeConfig.relay.route` (`/ai`),
 * with the data in `runtimeConfig.relay`, the code in `relay.config.ts` of the server folder, and the app's root storage.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The fields of a Nitro that is being built, of either version. */
export interface NitroUnderBuild {
  readonly meta?: { readonly majorVersion?: number };
  readonly options: object;
}

export interface RelayNitroModule {
  name: string;
  setup(nitro: NitroUnderBuild): void;
}

interface BuildOptions {
  rootDir: string;
  srcDir?: string;
  serverDir?: string | false;
  runtimeConfig: { relay?: { route?: string | false } };
  virtual: Record<string, string>;
  handlers: { route: string; handler: string }[];
  plugins: string[];
  imports?: false | { presets?: unknown[] };
  externals?: { inline?: unknown[] };
  noExternals?: boolean | unknown[];
}

/** Where things stand in either version. */
const VERSIONS = {
  2: {
    edge: "h3-relay/h3-v1",
    runtime: `import { useRuntimeConfig, useStorage } from "nitropack/runtime";`,
  },
  3: {
    edge: "h3-relay",
    runtime: `import { useRuntimeConfig } from "nitro/runtime-config";\nimport { useStorage } from "nitro/storage";`,
  },
};
const HANDLER = "#h3-relay/handler";
const PLUGIN = "#h3-relay/plugin";
const DEFAULT_ROUTE = "/ai";
const OWN = fileURLToPath(new URL("..", import.meta.url));
const RUNTIME = fileURLToPath(new URL("runtime/nitro.mjs", import.meta.url));

const relayModule: RelayNitroModule = {
  name: "h3-relay",
  setup({ meta, options }) {
    const build = options as BuildOptions;
    const version = VERSIONS[meta?.majorVersion === 3 ? 3 : 2];
    addImport(build, version.edge);
    // Bundled, so that what the module adds and what the app imports are one copy.
    build.externals?.inline?.push(OWN);
    build.virtual[PLUGIN] = PLUGIN_CODE;
    // Before the app's own, which may end what the relay stands on, such as its storage.
    build.plugins.unshift(PLUGIN);
    const route = build.runtimeConfig.relay?.route ?? DEFAULT_ROUTE;
    if (route === false) return;
    build.virtual[HANDLER] = handlerCode(version, findConfigFile(build));
    build.handlers.push({ route: `${route.replace(/\/$/, "")}/**`, handler: HANDLER });
  },
};
export default relayModule;

function addImport({ imports }: BuildOptions, from: string): void {
  if (!imports) return;
  imports.presets = [...(imports.presets ?? []), { from, imports: ["defineRelay"] }];
}

/** Finds `relay.config.*` in the server's folder. */
function findConfigFile({ rootDir, srcDir, serverDir }: BuildOptions): string | undefined {
  const folders = [serverDir || rootDir, srcDir ?? rootDir, join(rootDir, "server"), rootDir];
  const names = ["ts", "mts", "js", "mjs"].map((ending) => `relay.config.${ending}`);
  return folders
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}

function handlerCode({ edge, runtime }: (typeof VERSIONS)[2], file: string | undefined): string {
  return `
import { defineRelay } from ${JSON.stringify(edge)};
import { toOptions } from ${JSON.stringify(RUNTIME)};
${runtime}
${file ? `import file from ${JSON.stringify(file)};` : "const file = undefined;"}
export default defineRelay(() => toOptions(useRuntimeConfig().relay, file, useStorage()));
`;
}

const PLUGIN_CODE = `export { closeWithApp as default } from ${JSON.stringify(RUNTIME)};`;
