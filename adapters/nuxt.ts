/** A module for Nuxt 4: `modules: ["h3-relay/nuxt"]`. What it does is the Nitro module's; see `h3-relay/nitro`. */
import type { CommonOptions } from "../src/options/types.ts";
import type { UpstreamOptions } from "../src/options/upstream-types.ts";
import nitroModule, { type RelayNitroModule } from "./nitro.ts";

/** Data that the module takes: options of the relay, and where it is served. */
export type RelayModuleOptions = Partial<CommonOptions> & {
  upstream?: UpstreamOptions;
  upstreams?: Record<string, UpstreamOptions>;
  /** `false`: no route, but for those you write yourself with `defineRelay`. @default "/ai" */
  route?: string | false;
};

/** The fields of a Nuxt that is being built. */
export interface NuxtUnderBuild {
  readonly options: object;
}

interface BuildOptions {
  runtimeConfig: { relay?: RelayModuleOptions };
  nitro: { modules?: (string | RelayNitroModule)[] };
  relay?: RelayModuleOptions;
}

/** Hands the options over to the server's runtime config, and the rest to the Nitro module. */
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
