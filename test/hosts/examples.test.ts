/** The examples that need no build, each started unchanged. (Those of Nitro and Nuxt run in the host suite.) */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { createSimulator } from "../../simulator/index.ts";
import { type Installed, installPackage } from "../support/package.ts";
import { installedAt, isNotInstalled } from "./support/apps.ts";
import { ask } from "./support/client.ts";
import { type Command, startProcess } from "./support/process.ts";
import { bundleWorker } from "./support/worker.ts";

const KEY = "sk-example-0123456789";

interface Example {
  /** Folder under test/hosts/ with the dependencies, and a path in it. */
  needs?: [host: string, path: string];
  file: string;
  prepare?(app: Installed): void;
  start?(path: string, app: Installed, env: Record<string, string>): Promise<Command>;
}

const runtime =
  (host: string, ...flags: string[]) =>
  (path: string, app: Installed): Promise<Command> =>
    Promise.resolve({
      command: installedAt(host, `.bin/${host}`),
      args: () => [...flags, path],
      cwd: app.app,
    });

const EXAMPLES: Record<string, Example> = {
  node: { file: "server.mjs" },
  h3: { file: "server.mjs", prepare: (app) => app.link("h3", "srvx") },
  express: {
    needs: ["frameworks", "express"],
    file: "server.mjs",
    prepare: (app) => app.linkFrom("frameworks", "express"),
  },
  fastify: {
    needs: ["frameworks", "fastify"],
    file: "server.mjs",
    prepare: (app) => app.linkFrom("frameworks", "fastify"),
  },
  "h3-v1": {
    needs: ["frameworks", "h3"],
    file: "server.mjs",
    prepare: (app) => app.linkFrom("frameworks", "h3"),
  },
  deno: {
    needs: ["deno", ".bin/deno"],
    file: "main.ts",
    start: runtime(
      "deno",
      "run",
      "--no-prompt",
      "--allow-net",
      "--allow-env",
      "--node-modules-dir=manual",
    ),
  },
  bun: { needs: ["bun", ".bin/bun"], file: "main.ts", start: runtime("bun", "run") },
  cloudflare: {
    needs: ["workerd", ".bin/workerd"],
    file: "worker.ts",
    async start(path, app, env) {
      const config = await bundleWorker(app.app, path, env);
      return {
        command: installedAt("workerd", ".bin/workerd"),
        args: (port) => ["serve", config, `-shttp=127.0.0.1:${port}`],
        cwd: app.app,
      };
    },
  },
};

for (const [name, { needs, file, prepare, start }] of Object.entries(EXAMPLES))
  it.skipIf(needs && isNotInstalled(...needs))(
    `L1 L2 L3 L4 the example for ${name} streams`,
    async () => {
      const upstream = await createSimulator({ keys: { "team-a": KEY } });
      const app = await installPackage();
      const env = { UPSTREAM_BASE_URL: `${upstream.url}/v1`, KEY_A: KEY };
      prepare?.(app);
      const source = new URL(`../../examples/${name}/${file}`, import.meta.url);
      const path = app.write(file, readFileSync(source, "utf8"));
      const command = await (start?.(path, app, env) ?? runNode(path, app));
      const host = await startProcess({ ...command, env });
      try {
        const body = await ask(`${host.url}/ai`, "gpt-5").rest();
        expect(body.equals(upstream.ledger.last()!.sent!)).toBe(true);
        expect(upstream.ledger.last()!.credential).toBe("team-a");
      } finally {
        await host.stop();
        await upstream.close();
        app.remove();
      }
    },
    30_000,
  );

function runNode(path: string, app: Installed): Command {
  return { command: process.execPath, args: () => [path], cwd: app.app };
}
