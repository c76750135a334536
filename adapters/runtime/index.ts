/** For the server code of an app that has the module for Nitro or Nuxt. */
export { useRelay } from "./module-relay.ts";
export type { RelayConfigFile } from "./options.ts";
export type { Relay } from "../../src/relay.ts";
