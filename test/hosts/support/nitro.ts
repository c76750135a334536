/** Apps of Nitro and Nuxt that are built: the differences between the versions, and the examples with the suite's options as their code. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Installed } from "../../support/package.ts";
import { isNotInstalled } from "./apps.ts";
import type { Command } from "./process.ts";

const examples = fileURLToPath(new URL("../../../examples", import.meta.url));
const apps = new URL("../apps/", import.meta.url);
const run = promisify(execFile);

/** Mounts of the app's root storage. */
export interface Mounts {
  /** Prefix of the keys in Redis. */
  shared: string;
}

/** A database that other tests do not use: listing keys scans a whole database, and a start waits two seconds for it at most. */
export const REDIS_DB = 11;

/** A part of the Redis that tests share. */
export const uniqueMounts = (): Mounts => ({ shared: `relay_hosts_${crypto.randomUUID()}` });

/** Name of the folder of the mount on files, inside the app's folder. */
export const FILES = "state";

/** The differences between the versions of Nitro; the table in docs/hosts.md says the same to users. */
export interface NitroVersion {
  isMissing(): boolean;
  /** Makes it available to an app. */
  link(app: Installed): void;
  /** Path of its command in an app's `node_modules`. */
  cli: string;
  /** The option that names the server's folder. */
  folder: "serverDir" | "srcDir";
  /** False where it serves no route below `baseURL`: the suite's prefix is then part of the routes. */
  hasBase: boolean;
  /** True where Nitro itself mounts `data` on the disk, in the built server and in development. */
  mountsData: boolean;
  /** Imports of a route that an app writes itself. */
  imports: { relay: string; storage: string };
}

export const NITRO: Record<"3.0.0" | "beta" | "2", NitroVersion> = {
  "3.0.0": {
    isMissing: () => isNotInstalled("nitro-latest", "nitro"),
    link: (app) => app.linkFrom("nitro-latest", "nitro", "h3", "srvx", "unstorage"),
    cli: "nitro/dist/cli/index.mjs",
    folder: "srcDir",
    hasBase: false,
    mountsData: true,
    imports: { relay: "h3-relay", storage: "nitro/runtime" },
  },
  beta: {
    isMissing: () => false,
    link: (app) => app.link("nitro", "h3", "srvx", "unstorage"),
    cli: "nitro/dist/cli/index.mjs",
    folder: "serverDir",
    hasBase: true,
    mountsData: false,
    imports: { relay: "h3-relay", storage: "nitro/storage" },
  },
  "2": {
    isMissing: () => isNotInstalled("nitro2", "nitropack"),
    link: (app) => app.linkFrom("nitro2", "nitropack", "h3", "unstorage"),
    cli: "nitropack/dist/cli/index.mjs",
    folder: "srcDir",
    hasBase: true,
    mountsData: true,
    imports: { relay: "h3-relay/h3-v1", storage: "nitropack/runtime" },
  },
};

/** Options of the Nuxt module, in addition to those in `runtimeConfig.relay`. */
const DATA = `relay: { responseHeaders: { requestId: "x-own-id" } },`;

/** Copies `examples/NAME` except for its code, and adds a route of the app at `/own`. */
export function copyExample(
  app: Installed,
  name: string,
  mounts: Mounts,
  way: NitroVersion | "nuxt",
): void {
  const folder = join(examples, name);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  for (const file of files.filter((one) => one.isFile() && one.name !== "relay.config.ts")) {
    const path = join(file.parentPath, file.name);
    const text = readFileSync(path, "utf8");
    const isConfig = file.name.endsWith(".config.mjs");
    app.write(path.slice(folder.length + 1), isConfig ? withMounts(app, text, mounts, way) : text);
  }
  for (const file of ["options.mjs", "lasting.mjs"])
    app.write(`server/${file}`, readFileSync(new URL(file, apps), "utf8"));
  app.write("server/relay.config.ts", CONFIG_FILE);
  // Nitro 2 and Nuxt import the module's functions automatically.
  const isNamed = way !== "nuxt" && way.imports.relay === "h3-relay";
  const route = (isNamed ? importsOf(way) : "") + OWN_ROUTE;
  if (hasBase(way)) app.write("server/routes/own/[...path].ts", route);
  else app.write("server/routes/deep/own/[...path].ts", route.replace("../../", "../../../"));
  app.write("server/checked.ts", CHECKED);
  if (way === "nuxt") app.write("server/routes/status.ts", STATUS);
}

/** The imports of a route that an app writes itself. */
export const importsOf = ({ imports }: NitroVersion): string =>
  `import { defineRelay } from "${imports.relay}";\nimport { useStorage } from "${imports.storage}";\n`;

const CONFIG_FILE = `
import { optionsOf } from "./options.mjs";
const { env } = process;
// With \`DATA\` only the code that the example has; the rest is data.
const short = { credentials: [{ id: "team-a", apiKey: "sk-hosts-a-0123456789" }], authorize: () => true };
const token = { id: "c1", token: () => ({ accessToken: "sk-hosts-c1-0123456789", expiresIn: 3_600 }) };
const withToken = () => ({ ...optionsOf(env), credentials: [token], base: env.BASE });
export default () => env.BASE ? withToken() : (env.MISTAKE ? { credentials: [{ id: "a", apiKey: undefined }] } : env.DATA ? short : optionsOf(env));
`;

// Read by the type checker only.
const CHECKED = `
// @ts-expect-error -- what is auto-imported has the types of the package
export const wrong = defineRelay({ nonsense: true });
export const right = defineRelay(() => ({
  upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
  credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
  storage: useStorage(),
}));
// @ts-expect-error -- the same for the module's own
export const nothing = useRelay().nonsense;
export const count: number = useRelay().status().credentials.length;
`;

const hasBase = (way: NitroVersion | "nuxt"): boolean => way === "nuxt" || way.hasBase;

const OWN_ROUTE = `
import { lastingOf } from "../../lasting.mjs";
export default defineRelay(() => lastingOf(process.env, useStorage(process.env.PREFIX)));
`;

const STATUS = `export default defineEventHandler(() => useRelay().status());`;

function withMounts(
  app: Installed,
  text: string,
  { shared }: Mounts,
  way: NitroVersion | "nuxt",
): string {
  const mounts = JSON.stringify({
    shared: { driver: "redis", base: shared, host: "127.0.0.1", db: REDIS_DB },
    files: { driver: "fs-lite", base: join(app.app, FILES) },
  });
  const added =
    way === "nuxt"
      ? `${DATA} nitro: { storage: ${mounts} },`
      : `${way.folder}: "server", storage: ${mounts},`;
  const changed = text.replace(/^ {2}modules: /m, (modules) => `  ${added}\n${modules}`);
  if (!hasBase(way)) return changed.replace('route: "/ai"', 'route: "/deep/ai"');
  if (changed === text) throw new Error(`the example has no modules:\n${text}`);
  return changed;
}

/** Below an app's base; some read it when they are built, some when they start. */
const BASE = { NITRO_APP_BASE_URL: "/deep", NUXT_APP_BASE_URL: "/deep" };

/** Builds with a command-line tool below `/deep` and returns how the server is started. */
export async function buildWith(app: Installed, cli: string): Promise<Command> {
  await build(app, cli, BASE);
  return { ...builtServer(app), env: BASE };
}

/** Builds without a key in the environment; returns the output. */
export async function build(
  app: Installed,
  cli: string,
  env: Record<string, string> = {},
): Promise<string> {
  const { stdout, stderr } = await run(process.execPath, [cli, "build"], {
    cwd: app.app,
    env: {
      ...process.env,
      NODE_ENV: "production",
      NO_COLOR: "1",
      // Less is printed where these are set.
      CI: "",
      TEST: "",
      VITEST: "",
      NUXT_TELEMETRY_DISABLED: "1",
      ...env,
    },
  });
  return stdout + stderr;
}

/** How a built server is started. */
export const builtServer = (app: Installed): Command => ({
  command: process.execPath,
  args: () => [join(app.app, ".output/server/index.mjs")],
  cwd: app.app,
});

/** Path of a version's command in an app. */
export const cliOf = (app: Installed, { cli }: NitroVersion): string =>
  join(app.app, "node_modules", cli);
