/** Redis servers for one test that belong together: a cluster of three masters, or a master with a replica and three Sentinels. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { createStorage, type Storage } from "unstorage";
import redisDriver from "unstorage/drivers/redis";
import { freePort, REDIS_SERVER } from "./own-redis.ts";
import { untilSo } from "./until.ts";

const HOST = "127.0.0.1";
const READY = /Ready to accept|Running mode=sentinel/;
/** Longest wait for servers to find one another, ms. */
const PATIENCE = 20_000;

interface Server {
  port: number;
  kill(): Promise<void>;
  /** Stops it without ending it: its port accepts connections, and nothing is answered. */
  freeze(): void;
  thaw(): void;
}

async function startServer(args: string[], port: number, folder: string): Promise<Server> {
  const server: ChildProcess = spawn(REDIS_SERVER!, args, { cwd: folder });
  let said = "";
  server.stdout!.on("data", (chunk) => void (said += String(chunk)));
  await untilSo(() => READY.test(said), 10_000);
  return {
    port,
    freeze: () => void server.kill("SIGSTOP"),
    thaw: () => void server.kill("SIGCONT"),
    async kill() {
      if (server.exitCode !== null || server.signalCode !== null) return;
      const gone = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGKILL");
      await gone;
    },
  };
}

interface Client {
  disconnect(): void;
  on(event: "error", listener: () => void): unknown;
}

export interface RedisGroup {
  servers: Server[];
  /** Opens it with a separate client. */
  open(): Storage;
  dispose(): Promise<void>;
}

class Group implements RedisGroup {
  readonly servers: Server[] = [];
  readonly folder: string;
  readonly #clients: Client[] = [];
  readonly #toDriver: (servers: Server[]) => ReturnType<typeof redisDriver>;

  constructor(folder: string, toDriver: (servers: Server[]) => ReturnType<typeof redisDriver>) {
    this.folder = folder;
    this.#toDriver = toDriver;
  }

  open(): Storage {
    const driver = this.#toDriver(this.servers);
    const client = driver.getInstance!() as unknown as Client;
    client.on("error", () => {});
    this.#clients.push(client);
    return createStorage({ driver });
  }

  async dispose(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await Promise.all(this.servers.map((server) => server.kill()));
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Starts a cluster of three masters without replicas. */
export async function startCluster(base = ""): Promise<RedisGroup> {
  const folder = await mkdtemp(join(tmpdir(), "relay-cluster-"));
  const group = new Group(folder, (servers) =>
    redisDriver({
      base,
      cluster: servers.map(({ port }) => ({ host: HOST, port })),
      clusterOptions: { redisOptions: { maxRetriesPerRequest: 1 } },
    }),
  );
  for (let node = 0; node < 3; node++) {
    const [port, bus] = [await freePort(), await freePort()];
    const args = ["--port", `${port}`, "--cluster-port", `${bus}`, "--bind", HOST, "--save", ""];
    const cluster = ["--cluster-enabled", "yes", "--cluster-config-file", `nodes-${node}.conf`];
    group.servers.push(await startServer([...args, ...cluster], port, folder));
    await send(
      port,
      "CLUSTER",
      "ADDSLOTSRANGE",
      node * 5_461,
      node === 2 ? 16_383 : node * 5_461 + 5_460,
    );
    await send(port, "CLUSTER", "SET-CONFIG-EPOCH", node + 1);
    const [first] = group.servers;
    if (node > 0) await send(first!.port, "CLUSTER", "MEET", HOST, port, bus);
  }
  await untilSo(async () => {
    const infos = await Promise.all(group.servers.map(({ port }) => send(port, "CLUSTER", "INFO")));
    return infos.every((info) => /cluster_state:ok[\s\S]*cluster_known_nodes:3/.test(String(info)));
  }, PATIENCE);
  return group;
}

/** Starts a master, a replica, and three Sentinels that elect the replica when the master is gone for half a second. */
export async function startSentinels(base = ""): Promise<RedisGroup> {
  const folder = await mkdtemp(join(tmpdir(), "relay-sentinel-"));
  const group = new Group(folder, (servers) =>
    redisDriver({
      base,
      name: "relay",
      sentinels: servers.slice(2).map(({ port }) => ({ host: HOST, port })),
      maxRetriesPerRequest: 20,
    }),
  );
  const [master, replica] = [await freePort(), await freePort()];
  const plain = ["--bind", HOST, "--save", "", "--repl-diskless-sync-delay", "0"];
  group.servers.push(await startServer(["--port", `${master}`, ...plain], master, folder));
  const args = ["--port", `${replica}`, ...plain, "--replicaof", HOST, `${master}`];
  group.servers.push(await startServer(args, replica, folder));
  await untilSo(
    async () => /master_link_status:up/.test(String(await send(replica, "INFO", "replication"))),
    PATIENCE,
  );
  for (let count = 0; count < 3; count++) {
    const port = await freePort();
    const file = join(folder, `sentinel-${count}.conf`);
    const lines = [
      `port ${port}`,
      `bind ${HOST}`,
      `sentinel monitor relay ${HOST} ${master} 2`,
      "sentinel down-after-milliseconds relay 500",
      "sentinel failover-timeout relay 3000",
    ];
    await writeFile(file, lines.join("\n") + "\n");
    group.servers.push(await startServer([file, "--sentinel"], port, folder));
  }
  await untilSo(async () => {
    const known = (await send(group.servers[2]!.port, "SENTINEL", "MASTER", "relay")) as string[];
    const value = (name: string): string | undefined => known[known.indexOf(name) + 1];
    return value("num-slaves") === "1" && value("num-other-sentinels") === "2";
  }, PATIENCE);
  return group;
}

/** Sends one command over a connection of its own. */
export async function send(port: number, ...command: (string | number)[]): Promise<unknown> {
  const client = new Redis({ host: HOST, port, lazyConnect: true });
  try {
    await client.connect();
    const [name, ...args] = command;
    return await client.call(String(name), ...args);
  } finally {
    client.disconnect();
  }
}
