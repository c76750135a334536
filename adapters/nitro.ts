/**
 * A module for Nitro 2 and Nitro 3: `modules: ["h3-relay/nitro"]`. Serves the relay at `runtimeConfig.relay.route` (`/ai`), with the
 * options of `runtimeConfig.relay` and of `relay.config.ts` in the server's or the app's folder, and with the app's root storage. The
 * relay starts and closes with the server; `useRelay()` of `h3-relay/runtime` returns it.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { PLUGIN, pluginCode, RELAY, relayCode } from "./build/code.ts";
import { type AppFolders, type ConfigFile, findConfigFile } from "./build/config-file.ts";
import { findImports, isServer } from "./build/host.ts";

/** The fields of a Nitro build, of either version, that the module uses. */
export interface NitroUnderBuild {
  readonly options: object;
  readonly logger?: { warn(message: string): void };
}

export interface RelayNitroModule {
  name: string;
  setup(nitro: NitroUnderBuild): void;
}

interface RelayData {
  route?: string | false;
  upstream?: unknown;
  upstreams?: unknown;
}

interface BuildOptions extends AppFolders {
  entry?: string;
  preset?: string;
  runtimeConfig: { relay?: RelayData };
  virtual: Record<string, string>;
  handlers: { route: string; handler: string }[];
  plugins: string[];
  imports?: false | { presets?: unknown[] };
  externals?: { inline?: unknown[] };
}

const DEFAULT_ROUTE = "/ai";
const PRERENDER = "nitro-prerender";

const relayModule: RelayNitroModule = {
  name: "h3-relay",
  setup(nitro) {
    const build = nitro.options as BuildOptions;
    const own = dirname(createRequire(import.meta.url).resolve("h3-relay/runtime"));
    const host = { ...findImports(nitro, build), runtime: join(own, "nitro.mjs") };
    const data = build.runtimeConfig.relay ?? {};
    const file = findConfigFile(build);
    const hasRelay = data.route !== false || isConfigured(data, file);
    addImport(build, host.relay, "defineRelay");
    addImport(build, "h3-relay/runtime", "useRelay");
    // Bundled, so that the module's code and the app's imports share one copy.
    build.externals?.inline?.push(join(own, "../.."));
    build.virtual[PLUGIN] = pluginCode(host, isServer(build.entry), hasRelay);
    // Before the app's plugins, which may use the relay, or close its storage.
    build.plugins.unshift(PLUGIN);
    if (!hasRelay) return;
    build.virtual[RELAY] = relayCode(host, file, build.preset === PRERENDER);
    if (!isConfigured(data, file) && build.preset !== PRERENDER)
      nitro.logger?.warn(missingConfig(file));
    const { route = DEFAULT_ROUTE } = data;
    if (route !== false)
      build.handlers.push({ route: `${route.replace(/\/$/, "")}/**`, handler: RELAY });
  },
};
export default relayModule;

function isConfigured({ upstream, upstreams }: RelayData, { path }: ConfigFile): boolean {
  return path !== undefined || upstream !== undefined || upstreams !== undefined;
}

function missingConfig({ searched }: ConfigFile): string {
  return `h3-relay is not configured: there is no ${searched}, and \`runtimeConfig.relay\` has no \`upstream\`. The server will not start until one of them exists.`;
}

function addImport({ imports }: BuildOptions, from: string, name: string): void {
  if (!imports) return;
  imports.presets = [...(imports.presets ?? []), { from, imports: [name] }];
}
