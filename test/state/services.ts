/** Stores behind real clients and local servers, each started for one test. Their packages are in `services/`. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createDatabase } from "db0";
import { createStorage, type Driver, type Storage } from "unstorage";
import { freePort } from "../support/own-redis.ts";
import { untilSo } from "../support/until.ts";

const FOLDER = fileURLToPath(new URL("services/node_modules/", import.meta.url));

export const areServicesInstalled: boolean = existsSync(FOLDER);

export interface ServicePlace {
  /** Opens it with a separate client, as a process would. */
  open(): Storage | Promise<Storage>;
  dispose(): Promise<void>;
}

type Loaded = Record<string, unknown>;

function load(path: string): Promise<Loaded> {
  return import(pathToFileURL(join(FOLDER, path)).href) as Promise<Loaded>;
}

const require = createRequire(join(FOLDER, "index.js"));

async function driverOf(name: string): Promise<(options: object) => Driver> {
  return (await load(`unstorage/drivers/${name}.mjs`))["default"] as (options: object) => Driver;
}

interface Scratch {
  folder: string;
  run(command: string, args: string[], until: RegExp): Promise<void>;
  dispose(): Promise<void>;
}

async function scratchOf(): Promise<Scratch> {
  const folder = await mkdtemp(join(tmpdir(), "relay-service-"));
  const children: ChildProcess[] = [];
  return {
    folder,
    async run(command, args, until) {
      const child = spawn(command, args, { cwd: folder });
      children.push(child);
      let said = "";
      child.stdout!.on("data", (chunk) => void (said += String(chunk)));
      child.stderr!.on("data", (chunk) => void (said += String(chunk)));
      await untilSo(() => until.test(said) || child.exitCode !== null, 60_000);
      if (child.exitCode) throw new Error(`${command} has ended: ${said.slice(-500)}`);
    },
    async dispose() {
      for (const child of children) child.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const ACCOUNT = "devstoreaccount1";
/** The key that the emulator's documentation gives to everyone. */
const KEY =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

async function azurePlace(kind: "blob" | "table"): Promise<ServicePlace> {
  const scratch = await scratchOf();
  const port = await freePort();
  const bin = join(FOLDER, `.bin/azurite-${kind}`);
  await scratch.run(
    bin,
    [`--${kind}Port`, `${port}`, "--skipApiVersionCheck", "--inMemoryPersistence"],
    /successfully listen/i,
  );
  const suffix = kind === "blob" ? "BlobEndpoint" : "TableEndpoint";
  const connectionString = `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${KEY};${suffix}=http://127.0.0.1:${port}/${ACCOUNT};`;
  const driver = await driverOf(`azure-storage-${kind}`);
  if (kind === "blob") {
    const { BlobServiceClient } = require("@azure/storage-blob") as {
      BlobServiceClient: {
        fromConnectionString(text: string): { createContainer(name: string): Promise<unknown> };
      };
    };
    await BlobServiceClient.fromConnectionString(connectionString).createContainer("unstorage");
    return {
      open: () =>
        createStorage({
          driver: driver({ connectionString, containerName: "unstorage", accountName: ACCOUNT }),
        }),
      dispose: scratch.dispose,
    };
  }
  const { TableClient } = require("@azure/data-tables") as {
    TableClient: {
      fromConnectionString(
        text: string,
        name: string,
        options: object,
      ): { createTable(): Promise<unknown> };
    };
  };
  const options = { allowInsecureConnection: true };
  await TableClient.fromConnectionString(connectionString, "unstorage", options).createTable();
  return {
    open: () => createStorage({ driver: driver({ connectionString, accountName: ACCOUNT }) }),
    dispose: scratch.dispose,
  };
}

async function s3Place(): Promise<ServicePlace> {
  const scratch = await scratchOf();
  const port = await freePort();
  const S3rver = require("s3rver") as new (options: object) => {
    run(): Promise<unknown>;
    close(): Promise<unknown>;
  };
  const server = new S3rver({
    port,
    address: "127.0.0.1",
    silent: true,
    directory: scratch.folder,
    configureBuckets: [{ name: "relay" }],
  });
  await server.run();
  const driver = await driverOf("s3");
  const options = {
    accessKeyId: "S3RVER",
    secretAccessKey: "S3RVER",
    endpoint: `http://127.0.0.1:${port}`,
    bucket: "relay",
    region: "us-east-1",
  };
  return {
    open: () => createStorage({ driver: driver({ ...options }) }),
    async dispose() {
      await server.close();
      await scratch.dispose();
    },
  };
}

async function netlifyPlace(): Promise<ServicePlace> {
  const scratch = await scratchOf();
  const { BlobsServer } = (await load("@netlify/blobs/dist/server.js")) as {
    BlobsServer: new (options: object) => {
      start(): Promise<{ port: number }>;
      stop(): Promise<unknown>;
    };
  };
  const server = new BlobsServer({ directory: scratch.folder, token: "token", debug: false });
  const { port } = await server.start();
  const driver = await driverOf("netlify-blobs");
  const edgeURL = `http://127.0.0.1:${port}`;
  return {
    open: () =>
      createStorage({ driver: driver({ name: "relay", siteID: "site", token: "token", edgeURL }) }),
    async dispose() {
      await server.stop();
      await scratch.dispose();
    },
  };
}

async function cloudflarePlace(kind: "kv" | "r2"): Promise<ServicePlace> {
  const { Miniflare } = require("miniflare") as {
    Miniflare: new (options: object) => {
      getKVNamespace(name: string): Promise<unknown>;
      getR2Bucket(name: string): Promise<unknown>;
      dispose(): Promise<void>;
    };
  };
  const miniflare = new Miniflare({
    modules: true,
    script: "export default { fetch: () => new Response() }",
    kvNamespaces: ["STORE"],
    r2Buckets: ["STORE"],
  });
  const binding =
    kind === "kv" ? await miniflare.getKVNamespace("STORE") : await miniflare.getR2Bucket("STORE");
  const driver = await driverOf(`cloudflare-${kind}-binding`);
  return {
    open: () => createStorage({ driver: driver({ binding }) }),
    dispose: () => miniflare.dispose(),
  };
}

async function sqlPlace(kind: "libsql" | "mysql"): Promise<ServicePlace> {
  const scratch = await scratchOf();
  const dbDriver = await driverOf("db0");
  const databases: { dispose(): Promise<void> }[] = [];
  let connect = (): Parameters<typeof createDatabase>[0] => undefined as never;
  if (kind === "libsql") {
    const connector = (await load("db0/dist/connectors/libsql/node.mjs"))["default"] as (
      options: object,
    ) => Parameters<typeof createDatabase>[0];
    connect = () => connector({ url: `file:${join(scratch.folder, "relay.db")}` });
  } else {
    const socket = join(scratch.folder, "db.sock");
    const data = join(scratch.folder, "data");
    await scratch.run(
      "mariadb-install-db",
      [
        "--no-defaults",
        `--datadir=${data}`,
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--user=root",
      ],
      /never/,
    );
    await scratch.run(
      "mariadbd",
      [
        "--no-defaults",
        `--datadir=${data}`,
        `--socket=${socket}`,
        "--skip-networking",
        "--user=root",
      ],
      /ready for connections/,
    );
    const mysql = require("mysql2/promise") as {
      createConnection(
        options: object,
      ): Promise<{ query(sql: string): Promise<unknown>; end(): Promise<void> }>;
    };
    const connection = await mysql.createConnection({ socketPath: socket, user: "root" });
    await connection.query("CREATE DATABASE relay CHARACTER SET latin1");
    await connection.end();
    const connector = (await load("db0/dist/connectors/mysql2.mjs"))["default"] as (
      options: object,
    ) => Parameters<typeof createDatabase>[0];
    connect = () => connector({ socketPath: socket, user: "root", database: "relay" });
  }
  return {
    open() {
      const database = createDatabase(connect());
      databases.push(database);
      return createStorage({ driver: dbDriver({ database, tableName: "relay" }) });
    },
    async dispose() {
      await Promise.all(databases.map((one) => one.dispose()));
      await scratch.dispose();
    },
  };
}

/** The stores by name, as docs/state.md lists them. */
export const SERVICES: Readonly<Record<string, () => Promise<ServicePlace>>> = {
  "azure-storage-blob": () => azurePlace("blob"),
  "azure-storage-table": () => azurePlace("table"),
  s3: s3Place,
  "netlify-blobs": netlifyPlace,
  "cloudflare-kv-binding": () => cloudflarePlace("kv"),
  "cloudflare-r2-binding": () => cloudflarePlace("r2"),
  "db0 on libSQL": () => sqlPlace("libsql"),
  "db0 on MySQL": () => sqlPlace("mysql"),
};
