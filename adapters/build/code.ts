// The modules that are added to the server which is built.
import type { HostImports } from "./host.ts";
import type { ConfigFile } from "./config-file.ts";

/** Name of the module that has the relay as its default export; it is the route's handler too. */
export const RELAY = "#h3-relay/relay";
/** Name of the plugin that starts the relay with the server and closes it with the app. */
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
  // Pages that ask for nothing of the relay are rendered without the keys that the file may want as soon as it is loaded.
  return `
const load = () => import(${JSON.stringify(path)}).then((module) => module.default);
const file = async () => { const given = await load(); return typeof given === "function" ? given() : given; };`;
}

/** `starts` where the server is a process of its own, `hasRelay` where the module has a relay beside those of the app's routes. */
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
