/** Small apps of a Nitro version around a simulated upstream: built once, started as often as a test wants. */
import { spawn } from "node:child_process";
import { createSimulator, type Simulator } from "../../../simulator/index.ts";
import { type Installed, installPackage } from "../../support/package.ts";
import { build, builtServer, cliOf, type NitroVersion } from "./nitro.ts";
import { freePort, type HostProcess, startProcess } from "./process.ts";

/** A key that the simulated upstream accepts. */
export const KEY = "sk-nitro-a-0123456789";

export interface NitroApp {
  upstream: Simulator;
  app: Installed;
  /** The output of the build. */
  built: string;
  /** Starts the built app; `KEY_A` is set unless `env` says otherwise. */
  start(env?: Record<string, string>): Promise<HostProcess>;
  /** Starts the development server. */
  dev(env?: Record<string, string>): Promise<HostProcess>;
  /** Starts the built app and waits for its end. */
  fail(env: Record<string, string>): Promise<Ended>;
  close(): Promise<void>;
}

export interface Ended {
  code: number | null;
  output: string;
}

/** Installs the package and a Nitro, writes the files and builds them, without a key in the environment. */
export async function createApp(
  nitro: NitroVersion,
  files: Record<string, string>,
): Promise<NitroApp> {
  const upstream = await createSimulator();
  const app = await installPackage();
  nitro.link(app);
  app.link("ioredis");
  for (const [name, text] of Object.entries(files)) app.write(name, text);
  const cli = cliOf(app, nitro);
  const built = await build(app, cli, { KEY_A: "" });
  const started: HostProcess[] = [];
  const env = { UPSTREAM_URL: upstream.url, KEY_A: KEY };
  const note = (host: HostProcess): HostProcess => (started.push(host), host);
  return {
    upstream,
    app,
    built,
    start: async (more) =>
      note(await startProcess({ ...builtServer(app), env: { ...env, ...more } })),
    dev: async (more) =>
      note(
        await startProcess({
          command: process.execPath,
          args: (port) => [cli, "dev", "--host", "127.0.0.1", "--port", String(port)],
          cwd: app.app,
          env: { ...env, NODE_ENV: "development", ...more },
        }),
      ),
    fail: async (more) => runToEnd(builtServer(app).args(0), app.app, { ...env, ...more }),
    async close() {
      await Promise.all(started.map((host) => host.stop()));
      await upstream.close();
      app.remove();
    },
  };
}

const LIMIT = 15_000;

async function runToEnd(args: string[], cwd: string, env: Record<string, string>): Promise<Ended> {
  const port = String(await freePort());
  const child = spawn(process.execPath, args, {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_ENV: "production", NO_COLOR: "1", PORT: port, ...env },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT);
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  clearTimeout(timer);
  return { code, output };
}
