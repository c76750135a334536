/** Examples that are built: copied to where the package is installed, with the suite's options as their code. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Installed } from "../../support/package.ts";
import type { Command } from "./process.ts";

const examples = fileURLToPath(new URL("../../../examples", import.meta.url));
const options = new URL("../apps/options.mjs", import.meta.url);

/** Copies `examples/NAME`, but for its code. */
export function copyExample(app: Installed, name: string): void {
  const folder = join(examples, name);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  for (const file of files.filter((one) => one.isFile() && one.name !== "relay.config.ts")) {
    const path = join(file.parentPath, file.name);
    app.write(path.slice(folder.length + 1), readFileSync(path, "utf8"));
  }
  app.write("server/options.mjs", readFileSync(options, "utf8"));
  app.write(
    "server/relay.config.ts",
    `import { optionsOf } from "./options.mjs";\nexport default () => optionsOf(process.env);`,
  );
}

/** Below an app's base; some read it when they are built, some when they start. */
const BASE = { NITRO_APP_BASE_URL: "/deep", NUXT_APP_BASE_URL: "/deep" };

/** Builds with a command-line tool and says how the server is started. */
export function buildWith(app: Installed, cli: string): Command {
  execFileSync(process.execPath, [cli, "build"], {
    cwd: app.app,
    stdio: "pipe",
    env: { ...process.env, NODE_ENV: "production", NUXT_TELEMETRY_DISABLED: "1", ...BASE },
  });
  return {
    command: process.execPath,
    args: () => [join(app.app, ".output/server/index.mjs")],
    cwd: app.app,
    env: BASE,
  };
}
