// Code. Plain values are in runtimeConfig.relay and can be set by the environment.
import type { RelayConfigFile } from "h3-relay/runtime";

// The function runs when the server starts, so that a build needs no key. It may be async.
export default (() => ({
  credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
  authorize: () => true, // every caller; return an id, or false for 401
})) satisfies RelayConfigFile;
