/** For the server code of apps that use the module for Nitro or Nuxt. */
export { useRelay } from "./module-relay.ts";
export type { RelayConfigFile } from "./options.ts";
export type { Relay } from "../../src/relay.ts";
