import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const isCI: boolean = process.env["CI"] === "true";

const config: ViteUserConfig = defineConfig({
  resolve: {
    alias: {
      "#log": fileURLToPath(new URL("./src/observe/consola-log.ts", import.meta.url)),
      "#transport": fileURLToPath(new URL("./src/transport/undici.ts", import.meta.url)),
    },
  },
  test: {
    include: ["test/**/*.test.ts"],
    // Long tests have a configuration of their own: vitest.long.config.ts.
    exclude: ["**/node_modules/**", "test/**/*.long.test.ts"],
    testTimeout: isCI ? 60_000 : 20_000,
    // Hooks start processes, browsers and databases.
    hookTimeout: isCI ? 120_000 : 30_000,
    // Processes and sockets share two cores there: what fails twice is broken, what fails once was late.
    retry: isCI ? 1 : 0,
    pool: "threads",
    // On two cores, too: much of a test's time is waiting for other processes.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // The JSON report stays behind for tools; .ci/run counts by it.
    reporters: isCI ? ["default", ["json", { outputFile: ".ci/report.json" }]] : ["default"],
  },
});

export default config;
