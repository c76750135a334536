import { describeFramework } from "./suite-framework.ts";

const astro = "node_modules/astro/bin/astro.mjs";

describeFramework("astro", {
  example: "astro",
  folder: "astro",
  program: "astro",
  isNewer: true,
  relayFile: "src/pages/ai/[...path].ts",
  build: [astro, "build"],
  start: () => ["dist/server/entry.mjs"],
  dev: (port) => [astro, "dev", "--host", "127.0.0.1", "--port", String(port)],
});
