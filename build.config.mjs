import { defineBuildConfig } from "obuild/config";

// `#transport` stays an import of the package itself, so that each host's bundler picks its own (package.json, "imports").
const external = ["#transport"];

export default defineBuildConfig({
  entries: [
    {
      type: "bundle",
      input: ["./src/index.ts", "./src/transport/undici.ts", "./src/transport/fetch.ts"],
      rolldown: { external },
    },
    { type: "bundle", input: ["./simulator/index.ts", "./simulator/cli.ts"] },
  ],
});
