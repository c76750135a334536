/** Real stores: files, Redis and SQL, with a separate area for each test that is cleaned up. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sqlite from "db0/connectors/better-sqlite3";
import postgresql from "db0/connectors/postgresql";
import { createDatabase } from "db0";
import { createStorage } from "unstorage";
import dbDriver from "unstorage/drivers/db0";
import fsDriver from "unstorage/drivers/fs-lite";
import redisDriver from "unstorage/drivers/redis";
import { isMissing } from "../support/needs.ts";
import type { StorePlace } from "./storages.ts";

const HOST = "127.0.0.1";
const REDIS_PORT = 6379;
const POSTGRES_PORT = 5432;

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    socket.once("connect", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });
}

export const noRedis: boolean = isMissing(
  "Redis on 127.0.0.1:6379",
  await isListening(REDIS_PORT),
  "redis-server",
);
export const noPostgres: boolean = isMissing(
  "PostgreSQL on 127.0.0.1:5432",
  await isListening(POSTGRES_PORT),
  "a server that trusts local users, with the database test",
);

/** The native addon, in a separate folder: compiling it takes minutes. */
export const SQLITE: string = fileURLToPath(
  new URL("../hosts/sqlite/node_modules/better-sqlite3/lib/index.js", import.meta.url),
);
export const noSqlite: boolean = isMissing(
  "SQLite",
  existsSync(SQLITE),
  "npm ci --prefix test/hosts/sqlite",
);

let count = 0;
const unique = (): string => `relay_test_${process.pid}_${Date.now().toString(36)}_${(count += 1)}`;

/**
 * Opens the requested number of storages, each with a separate client, as instances have. Listing walks over every key of a
 * database: for tests with little time, use a database of their own.
 */
export function redisPlace(db = 0): StorePlace {
  const base = unique();
  const clients: {
    quit(): Promise<unknown>;
    keys(pattern: string): Promise<string[]>;
    del(...keys: string[]): Promise<unknown>;
  }[] = [];
  return {
    open() {
      const driver = redisDriver({
        base,
        host: HOST,
        port: REDIS_PORT,
        db,
        maxRetriesPerRequest: 1,
      });
      clients.push(driver.getInstance!() as never);
      return createStorage({ driver });
    },
    async dispose() {
      const keys = await clients[0]?.keys(`*${base}*`);
      if (keys && keys.length > 0) await clients[0]!.del(...keys);
      await Promise.all(clients.map((client) => client.quit()));
    },
  };
}

export function postgresPlace(): StorePlace {
  const tableName = unique();
  const databases: ReturnType<typeof createDatabase>[] = [];
  return {
    open() {
      const database = createDatabase(
        postgresql({ host: HOST, port: POSTGRES_PORT, user: "postgres", database: "test" }),
      );
      databases.push(database);
      return createStorage({ driver: dbDriver({ database, tableName }) });
    },
    async dispose() {
      const [first] = databases;
      await first?.exec(`DROP TABLE IF EXISTS ${tableName}`);
      for (const other of ["leases", "changes"])
        await first?.exec(`DROP TABLE IF EXISTS ${tableName}_${other}`);
      await Promise.all(databases.map((one) => one.dispose()));
    },
  };
}

export async function sqlitePlace(): Promise<StorePlace> {
  const folder = await mkdtemp(join(tmpdir(), "relay-sqlite-"));
  const databases: ReturnType<typeof createDatabase>[] = [];
  return {
    open() {
      const database = createDatabase(
        sqlite({
          path: join(folder, "relay.db"),
          lib: (() => createRequire(import.meta.url)(SQLITE)) as never,
        } as never),
      );
      databases.push(database);
      return createStorage({ driver: dbDriver({ database, tableName: "relay" }) });
    },
    async dispose() {
      await Promise.all(databases.map((one) => one.dispose()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Files, opened separately by each instance. */
export async function filesPlace(): Promise<StorePlace> {
  const base = await mkdtemp(join(tmpdir(), "relay-files-"));
  return {
    open: () => createStorage({ driver: fsDriver({ base }) }),
    dispose: () => rm(base, { recursive: true, force: true, maxRetries: 5 }),
  };
}
