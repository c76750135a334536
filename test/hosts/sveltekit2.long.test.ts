import { describeFramework } from "./suite-framework.ts";

const vite = "node_modules/vite/bin/vite.js";

describeFramework(
  "sveltekit-2",
  {
    example: "sveltekit-2",
    folder: "sveltekit2",
    program: "@sveltejs/kit",
    relayFile: "src/routes/ai/[...path]/+server.ts",
    build: [vite, "build"],
    start: () => ["build"],
    env: { BODY_SIZE_LIMIT: "32M" },
    dev: (port) => [vite, "dev", "--host", "127.0.0.1", "--port", String(port)],
  },
  { deafInDev: ["before headers", "before the first event"] },
);
