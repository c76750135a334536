import { describeFramework } from "./suite-framework.ts";

const vite = "node_modules/vite/bin/vite.js";
const serve = ["node_modules/srvx/bin/srvx.mjs", "serve", "--prod", "--static", "../client"];

describeFramework("tanstack-start", {
  example: "tanstack-start",
  folder: "tanstackstart",
  program: "@tanstack/react-start",
  isNewer: true,
  relayFile: "src/routes/ai.$.ts",
  build: [vite, "build"],
  start: (port) => [...serve, "--port", String(port), "dist/server/server.js"],
  dev: (port) => [vite, "dev", "--host", "127.0.0.1", "--port", String(port)],
});
