import { describeFramework } from "./suite-framework.ts";

const next = "node_modules/next/dist/bin/next";

describeFramework(
  "next",
  {
    example: "next",
    folder: "next",
    program: "next",
    relayFile: "lib/relay.ts",
    build: [next, "build"],
    start: (port) => [next, "start", "-p", String(port)],
    dev: (port) => [next, "dev", "-p", String(port)],
  },
  { readsAtStart: true },
);
