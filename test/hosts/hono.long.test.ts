import { describeFramework } from "./suite-framework.ts";

describeFramework(
  "hono",
  {
    example: "hono",
    folder: "hono",
    program: "hono",
    relayFile: "server.mjs",
    start: () => ["server.mjs"],
  },
  { endsItself: true },
);
