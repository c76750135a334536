import { defineConfig } from "nitro/config";

export default defineConfig({
  serverDir: "server",
  publicAssets: [{ dir: "../public" }],
  // The relay gets the root storage and keeps its records under `relay:`; the path starts where the server is started.
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
