// Code; the data stands in runtimeConfig.relay and can be set by the environment.
import type { RelayOptions } from "h3-relay";

export default (): Partial<RelayOptions> => ({
  credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
  authorize: () => true, // everybody; say here who may call
});
