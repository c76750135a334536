/** Examples that are built: copied to where the package is installed, with the suite's options as their code. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Installed } from "../../support/package.ts";
import type { Command } from "./process.ts";

const examples = fileURLToPath(new URL("../../../examples", import.meta.url));
const apps = new URL("../apps/", import.meta.url);

/** Mounts of the app's root storage. */
export interface Mounts {
  /** Prefix of the keys in Redis. */
  shared: string;
}

/** A database that other tests leave alone: listing keys goes through all of one, and a start waits two seconds for it at most. */
export const REDIS_DB = 11;

/** A corner of the Redis that tests share. */
export const uniqueMounts = (): Mounts => ({ shared: `relay_hosts_${crypto.randomUUID()}` });

/** Name of the folder of the mount on files, in the app's. */
export const FILES = "state";

/** How an app says where its storage is, and how a route of its own gets at it. */
/** Options of the Nuxt module, beside those in `runtimeConfig.relay`. */
const DATA = `relay: { responseHeaders: { requestId: "x-own-id" } },`;
const WAYS = {
  "nitro-2": { config: (mounts: string) => `storage: ${mounts},`, imports: "" },
  "nitro-3": {
    config: (mounts: string) => `storage: ${mounts},`,
    imports: `import { defineRelay } from "h3-relay";\nimport { useStorage } from "nitro/storage";\n`,
  },
  nuxt: { config: (mounts: string) => `${DATA} nitro: { storage: ${mounts} },`, imports: "" },
};

/** Copies `examples/NAME`, but for its code, and adds a route of the app's own at `/own`. */
export function copyExample(app: Installed, name: keyof typeof WAYS, mounts: Mounts): void {
  const folder = join(examples, name);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  for (const file of files.filter((one) => one.isFile() && one.name !== "relay.config.ts")) {
    const path = join(file.parentPath, file.name);
    const text = readFileSync(path, "utf8");
    const isConfig = file.name.endsWith(".config.mjs");
    app.write(path.slice(folder.length + 1), isConfig ? withMounts(app, text, name, mounts) : text);
  }
  for (const file of ["options.mjs", "lasting.mjs"])
    app.write(`server/${file}`, readFileSync(new URL(file, apps), "utf8"));
  app.write("server/relay.config.ts", CONFIG_FILE);
  app.write("server/routes/own/[...path].ts", WAYS[name].imports + OWN_ROUTE);
  app.write("server/checked.ts", CHECKED);
  if (name === "nitro-3") app.write("server/plugins/dispose.ts", DISPOSE);
}

const CONFIG_FILE = `
import { optionsOf } from "./options.mjs";
const { env } = process;
// With \`DATA\` only the code that the example has; the rest is data.
const short = { credentials: [{ id: "team-a", apiKey: "sk-hosts-a-0123456789" }], authorize: () => true };
export default () => (env.DATA ? short : optionsOf(env));
`;

// Read by the type checker alone.
const CHECKED = `
// @ts-expect-error -- what is auto-imported has the types of the package
export const wrong = defineRelay({ nonsense: true });
export const right = defineRelay(() => ({
  upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
  credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
  storage: useStorage(),
}));
`;

const OWN_ROUTE = `
import { lastingOf } from "../../lasting.mjs";
export default defineRelay(() => lastingOf(process.env, useStorage(process.env.PREFIX)));
`;

// Nitro 3 ends by running out of work, which an open connection to Redis keeps it from; docs/hosts.md says so.
const DISPOSE = `
import { definePlugin } from "nitro";
import { useStorage } from "nitro/storage";
export default definePlugin(({ hooks }) => void hooks.hook("close", () => useStorage().dispose()));
`;

function withMounts(
  app: Installed,
  text: string,
  name: keyof typeof WAYS,
  { shared }: Mounts,
): string {
  const mounts = {
    shared: { driver: "redis", base: shared, host: "127.0.0.1", db: REDIS_DB },
    files: { driver: "fs-lite", base: join(app.app, FILES) },
  };
  const changed = text.replace(
    /^ {2}modules: /m,
    (modules) => `  ${WAYS[name].config(JSON.stringify(mounts))}\n${modules}`,
  );
  if (changed === text) throw new Error(`the example for ${name} names no modules`);
  return changed;
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
