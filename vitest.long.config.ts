// The long checks (`npm run test:long`): frameworks as npm installs them, recipes of the documentation word for word, killed processes. `.ci/long` runs them.
import { defineConfig, mergeConfig, type ViteUserConfig } from "vitest/config";
import base from "./vitest.config.ts";

const config: ViteUserConfig = mergeConfig(
  { ...base, test: { ...base.test, include: [], exclude: [], reporters: [] } },
  defineConfig({
    test: {
      include: ["test/**/*.long.test.ts"],
      exclude: ["**/node_modules/**"],
      testTimeout: 600_000,
      hookTimeout: 300_000,
      // Each test builds and starts whole apps.
      maxWorkers: 1,
      reporters: ["default"],
    },
  }),
);

export default config;
