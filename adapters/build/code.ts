// The virtual modules that a build adds to the server.
import type { HostImports } from "./host.ts";
import type { ConfigFile } from "./config-file.ts";

/** Id of the module whose default export is the relay, and the handler of the route. */
export const RELAY = "#h3-relay/relay";
/** Id of the plugin that starts the relay with the server and closes it with the app. */
export const PLUGIN = "#h3-relay/plugin";

export function relayCode(
  host: HostImports,
  { path, searched }: ConfigFile,
  isPrerender: boolean,
): string {
  return `
import { defineRelay } from ${JSON.stringify(host.relay)};
import { toOptions } from ${JSON.stringify(host.runtime)};
${importStorage(host)}
import { useRuntimeConfig } from ${JSON.stringify(host.runtimeConfig)};
${importFile(path, isPrerender)}
const place = ${JSON.stringify(path ? {} : { searched })};
export default defineRelay(() => toOptions(useRuntimeConfig().relay, file, useStorage(), place));
`;
}

function importFile(path: string | undefined, isPrerender: boolean): string {
  if (!path) return "const file = undefined;";
  if (!isPrerender) return `import file from ${JSON.stringify(path)};`;
  // Pages that do not use the relay are prerendered without loading the file, which may require keys.
  return `
const load = () => import(${JSON.stringify(path)}).then((module) => module.default);
const file = async () => { const given = await load(); return typeof given === "function" ? given() : given; };`;
}

/** `starts`: the server is a process of its own. `hasRelay`: the module has a relay, besides those of the app's routes. */
export function pluginCode(host: HostImports, starts: boolean, hasRelay: boolean): string {
  return `
import { startWithApp } from ${JSON.stringify(host.runtime)};
${importStorage(host)}
${hasRelay ? `import handler from ${JSON.stringify(RELAY)};` : "const handler = undefined;"}
export default (app) => startWithApp(app, {
  relay: handler?.relay,
  starts: ${starts} && !import.meta.prerender,
  isDev: import.meta.dev === true,
  storage: () => useStorage(),
});
`;
}

const importStorage = ({ storage }: HostImports): string =>
  `import { useStorage } from ${JSON.stringify(storage)};`;
