/** A Redis for one test, which can be killed and restarted: with its data, or empty. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStorage } from "unstorage";
import redisDriver from "unstorage/drivers/redis";
import { isMissing } from "./needs.ts";
import { untilSo } from "./until.ts";

/** The program, if it is installed. */
export const REDIS_SERVER: string | undefined = [
  "/usr/bin/redis-server",
  "/usr/local/bin/redis-server",
].find((path) => existsSync(path));

export const noRedisServer: boolean = isMissing(
  "redis-server",
  REDIS_SERVER !== undefined,
  "apt-get install redis-server",
);

export interface OwnRedis {
  /** Opens it with a separate client. */
  open(): ReturnType<typeof createStorage>;
  kill(): Promise<void>;
  start(): Promise<void>;
  dispose(): Promise<void>;
}

/** Starts one on a free port; `keeps`: its data survive a kill. */
export async function startRedis({ keeps }: { keeps: boolean }): Promise<OwnRedis> {
  const [port, folder] = [await freePort(), await mkdtemp(join(tmpdir(), "relay-redis-"))];
  const clients: { disconnect(): void }[] = [];
  let server: ChildProcess | undefined;

  async function kill(): Promise<void> {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const gone = new Promise((resolve) => server!.once("exit", resolve));
    server.kill("SIGKILL");
    await gone;
  }

  async function start(): Promise<void> {
    const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
    const kept = keeps ? ["--appendonly", "yes", "--appendfsync", "always"] : [];
    server = spawn(REDIS_SERVER!, [...args, ...kept]);
    let said = "";
    server.stdout!.on("data", (chunk) => void (said += String(chunk)));
    await untilSo(() => said.includes("Ready to accept"), 10_000);
  }

  await start();
  return {
    kill,
    start,
    open() {
      const driver = redisDriver({ host: "127.0.0.1", port, maxRetriesPerRequest: 1 });
      const client = driver.getInstance!();
      client.on("error", () => {});
      clients.push(client);
      return createStorage({ driver });
    },
    async dispose() {
      for (const client of clients) client.disconnect();
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Finds a port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
