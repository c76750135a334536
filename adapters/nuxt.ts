/** A module for Nuxt 4: `modules: ["h3-relay/nuxt"]`. It installs the Nitro module; see `h3-relay/nitro`. */
import type { CommonOptions } from "../src/options/types.ts";
import type { UpstreamOptions } from "../src/options/upstream-types.ts";
import nitroModule, { type RelayNitroModule } from "./nitro.ts";

/** Options of the module: those options of the relay that are data, and the route. */
export type RelayModuleOptions = Partial<CommonOptions> & {
  upstream?: UpstreamOptions;
  upstreams?: Record<string, UpstreamOptions>;
  /** Path at which the relay is served; `false`: none, only routes that the app defines with `defineRelay`. @default "/ai" */
  route?: string | false;
};

/** The fields of a Nuxt build that the module uses. */
export interface NuxtUnderBuild {
  readonly options: object;
}

interface BuildOptions {
  runtimeConfig: { relay?: RelayModuleOptions };
  nitro: { modules?: (string | RelayNitroModule)[] };
  relay?: RelayModuleOptions;
}

/** Copies the options to the server's runtime config, and installs the Nitro module. */
function setup(inline: RelayModuleOptions | undefined, nuxt: NuxtUnderBuild): void {
  const options = nuxt.options as BuildOptions;
  const { runtimeConfig, nitro } = options;
  runtimeConfig.relay = { ...options.relay, ...inline, ...runtimeConfig.relay };
  nitro.modules = [...(nitro.modules ?? []), nitroModule];
}

export interface RelayNuxtModule {
  (inline: RelayModuleOptions | undefined, nuxt: NuxtUnderBuild): void;
  getMeta(): Promise<{ name: string; configKey: string }>;
}

const relayModule: RelayNuxtModule = Object.assign(setup, {
  getMeta: () => Promise.resolve({ name: "h3-relay", configKey: "relay" }),
});
export default relayModule;
