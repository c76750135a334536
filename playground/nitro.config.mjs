import { defineConfig } from "nitro/config";

export default defineConfig({
  serverDir: "server",
  publicAssets: [{ dir: "../public" }],
  // The relay uses the root storage and keeps its records under `relay:`. The path is relative to the server's working directory.
  storage: { relay: { driver: "fsLite", base: ".data/relay" } },
  routeRules: {
    "/": {
      headers: {
        "content-security-policy": "default-src 'self'; img-src data:; frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
      },
    },
  },
  sourceMap: false,
});
