import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  resolve: {
    alias: { "#transport": fileURLToPath(new URL("./src/transport/undici.ts", import.meta.url)) },
  },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "test/hosts/*/node_modules/**"],
    testTimeout: 10_000,
    pool: "threads",
  },
});

export default config;
