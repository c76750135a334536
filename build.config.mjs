import { defineBuildConfig } from "obuild/config";

// These stay imports of the package itself, so that each host's bundler picks its own (package.json, "imports").
const external = ["#log", "#transport"];

export default defineBuildConfig({
  entries: [
    {
      type: "bundle",
      // In one build, so that all entries share one core.
      input: [
        "./src/index.ts",
        "./src/transport/undici.ts",
        "./src/transport/fetch.ts",
        "./src/observe/consola-log.ts",
        "./src/observe/console-log.ts",
        ...["node", "h3-v1", "nitro", "nuxt", "deno", "bun", "cloudflare"].map(
          (name) => `./adapters/${name}.ts`,
        ),
        "./adapters/runtime/index.ts",
        "./adapters/runtime/nitro.ts",
      ],
      rolldown: { external },
    },
    { type: "bundle", input: ["./simulator/index.ts", "./simulator/cli.ts"] },
  ],
});
