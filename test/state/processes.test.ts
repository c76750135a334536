/** Leases between real processes: one winner a round, no generation twice (M2, M3). */
import { mkdtemp, rm } from "node:fs/promises";
import { createDatabase } from "db0";
import postgresql from "db0/connectors/postgresql";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createProgram, type Program } from "./program.ts";
import { noPostgres, noRedis, noSqlite, SQLITE } from "./stores.ts";

const ROUNDS = 25;
const EVERY = 60;

// Requests the lease of each round at the same moment as all others, then a short one repeatedly.
const CHILD = `
import { createRequire } from "node:module";
import { createDatabase } from "db0";
import sqlite from "db0/connectors/better-sqlite3";
import postgresql from "db0/connectors/postgresql";
import { createStorage } from "unstorage";
import dbDriver from "unstorage/drivers/db0";
import fsDriver from "unstorage/drivers/fs-lite";
import redisDriver from "unstorage/drivers/redis";
import { createState } from "./state/create-state.js";
const [kind, place, startAt] = process.argv.slice(2);
const drivers = {
  files: () => fsDriver({ base: place }),
  Redis: () => redisDriver({ base: place, host: "127.0.0.1", port: 6379, maxRetriesPerRequest: 1 }),
  SQLite: () => dbDriver({ database: createDatabase(sqlite({ path: place + "/relay.db", lib: () => createRequire(import.meta.url)(${JSON.stringify(SQLITE)}) })), tableName: "relay" }),
  PostgreSQL: () => dbDriver({
    database: createDatabase(postgresql({ host: "127.0.0.1", port: 5432, user: "postgres", database: "test" })), tableName: place,
  }),
};
const driver = drivers[kind]();
const clock = { now: () => Date.now(), after: (delay, wake) => {
  const timer = setTimeout(wake, delay); timer.unref(); return () => clearTimeout(timer);
} };
const lines = [];
const say = (line) => lines.push(line);
const log = { debug() {}, info() {}, warn: (line) => console.error(line), error: (line) => console.error(line) };
const { leases } = createState({ storage: createStorage({ driver }), base: "relay", clock, log, random: Math.random });
await leases.acquire("warm", 1);
const sleep = (at) => new Promise((resolve) => setTimeout(resolve, Math.max(0, at - Date.now())));
for (let round = 0; round < ${ROUNDS}; round++) {
  await sleep(Number(startAt) + round * ${EVERY});
  const lease = await leases.acquire("round-" + round, 600_000);
  if (lease) say("won " + round + " " + lease.generation);
}
for (const end = Date.now() + 1_000; Date.now() < end;) {
  const lease = await leases.acquire("short", 5);
  if (lease) say("held short " + lease.generation);
  if (lease && lease.generation % 2) await lease.release();
}
process.stdout.write(lines.join("\\n") + "\\n", () => process.exit(0));
`;

let program: Program;
let folder: string;
const name = `relay_processes_${process.pid}_${Date.now().toString(36)}`;

beforeAll(async () => {
  program = await createProgram(CHILD);
  folder = await mkdtemp(join(tmpdir(), "relay-processes-"));
});
afterAll(async () => {
  await program.dispose();
  await rm(folder, { recursive: true, force: true });
});

async function run(kind: string, place: string, startAt: number): Promise<string[]> {
  const child = program.start([kind, place, `${startAt}`]);
  const lines: string[] = [];
  let trouble = "";
  createInterface({ input: child.stdout! }).on("line", (line) => void lines.push(line));
  child.stderr!.on("data", (chunk) => void (trouble += String(chunk)));
  const code = await new Promise<number | null>((resolve) => void child.on("close", resolve));
  expect(code, trouble).toBe(0);
  return lines;
}

async function race(kind: string, place: string, processes: number): Promise<void> {
  const startAt = Date.now() + 4_000;
  const all = await Promise.all(Array.from({ length: processes }, () => run(kind, place, startAt)));
  const won = all.flat().filter((line) => line.startsWith("won"));
  expect(won.map((line) => Number(line.split(" ")[1])).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: ROUNDS }, (_, round) => round),
  );
  const generations = all.flat().filter((line) => line.startsWith("held"));
  expect(generations.length).toBeGreaterThan(5);
  expect(new Set(generations).size).toBe(generations.length);
}

it("M2 M3 four processes on files: one winner a round, no generation twice", async () => {
  await race("files", join(folder, "files"), 4);
}, 60_000);

it.skipIf(noSqlite)(
  "M2 M3 four processes on SQLite",
  async () => {
    await race("SQLite", folder, 4);
  },
  60_000,
);

describe.skipIf(noRedis)("with Redis", () => {
  it("M2 M3 eight processes on Redis", async () => {
    await race("Redis", name, 8);
    const { Redis } = await import("ioredis");
    const client = new Redis({ host: "127.0.0.1", port: 6379 });
    const keys = await client.keys(`*${name}*`);
    if (keys.length > 0) await client.del(...keys);
    await client.quit();
  }, 90_000);
});

describe.skipIf(noPostgres)("with PostgreSQL", () => {
  it("M2 M3 four processes on PostgreSQL", async () => {
    await race("PostgreSQL", name, 4);
    const database = createDatabase(
      postgresql({ host: "127.0.0.1", port: 5432, user: "postgres", database: "test" }),
    );
    await database.exec(`DROP TABLE IF EXISTS ${name}_leases`);
    await database.dispose();
  }, 60_000);
});
