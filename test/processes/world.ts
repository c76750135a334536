/** One store and one provider, with a time of their own that the test advances, for every process that opens them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase } from "db0";
import postgresql from "db0/connectors/postgresql";
import type { Redis } from "ioredis";
import type { CredentialStatus, RelayStatus } from "../../src/index.ts";
import { createSimulator, type Simulator, type SimulatorOptions } from "../../simulator/index.ts";
import { noPostgres, noRedis, noSqlite } from "../state/stores.ts";
import { REDIS_DB, type Place, type StoreName } from "./messages.ts";
import { createMovedClock } from "./moved-clock.ts";
import type { Process } from "./program.ts";

export const MISSING: Readonly<Record<StoreName, boolean>> = {
  Redis: noRedis,
  PostgreSQL: noPostgres,
  SQLite: noSqlite,
  files: false,
};

/** One process with a relay in this world. */
export interface Resident {
  process: Process;
  ask(model: string): Promise<number>;
  status(): Promise<RelayStatus>;
  credential(id: string): Promise<CredentialStatus>;
}

export interface World {
  store: StoreName;
  /** Identifies it to the processes. */
  where: string;
  upstream: Simulator;
  /** Opens a relay in a process; `off` is how far its clock is ahead, in ms. */
  enter(process: Process, off?: number): Promise<Resident>;
  /** Advances the time: for the store, the provider and every process here. */
  pass(ms: number): Promise<void>;
  dispose(): Promise<void>;
}

export type WorldOptions = Partial<Pick<Place, "grants" | "guests" | "keys">> & {
  simulator?: SimulatorOptions;
};

let count = 0;

export async function createWorld(store: StoreName, options: WorldOptions): Promise<World> {
  const { grants = {}, guests = {}, keys = {}, simulator } = options;
  const clock = createMovedClock();
  const upstream = await createSimulator({ clock, keys, tokens: { grants }, ...simulator });
  const ground = await GROUNDS[store](`relay_worst_${process.pid}_${Date.now()}_${(count += 1)}`);
  const residents = new Set<Process>();
  const { where } = ground;
  const place = { store, where, upstream: upstream.url, grants, guests, keys };

  return {
    store,
    where,
    upstream,
    async enter(process, off = 0) {
      await process.tell({ do: "open", place: { ...place, off, passed: clock.passed } });
      residents.add(process);
      void process.ended.then(() => residents.delete(process));
      const status = async (): Promise<RelayStatus> =>
        (await process.tell({ do: "status", where })).report!;
      return {
        process,
        status,
        ask: async (model) => (await process.tell({ do: "ask", where, model })).status!,
        credential: async (id) => (await status()).credentials.find((it) => it.id === id)!,
      };
    },
    async pass(ms) {
      const passed = clock.passed + ms;
      clock.pass(passed);
      const tell = (one: Process): Promise<unknown> =>
        // A process that dies meanwhile need not be informed.
        one.tell({ do: "pass", where, passed }).catch(() => one.ended);
      await Promise.all([...residents].map(tell));
      // Last: no process may take an expired lease before it has advanced its own clock.
      await ground.pass(ms);
    },
    async dispose() {
      await upstream.close();
      await ground.dispose();
    },
  };
}

/** Where a store keeps its data. */
interface Ground {
  where: string;
  /** Makes entries older that the store itself expires. */
  pass(ms: number): Promise<void>;
  dispose(): Promise<void>;
}

const GROUNDS: Record<StoreName, (name: string) => Promise<Ground>> = {
  async Redis(where) {
    const { Redis: Client } = await import("ioredis");
    const client: Redis = new Client({ host: "127.0.0.1", port: 6379, db: REDIS_DB });
    return {
      where,
      async pass(ms) {
        for (const key of await client.keys(`*${where}*:lock`))
          await client.pexpire(key, Math.max(0, (await client.pttl(key)) - ms));
      },
      async dispose() {
        const keys = await client.keys(`*${where}*`);
        if (keys.length > 0) await client.del(...keys);
        await client.quit();
      },
    };
  },
  async PostgreSQL(where) {
    return {
      where,
      pass: async () => {},
      async dispose() {
        const server = { host: "127.0.0.1", port: 5432, user: "postgres", database: "test" };
        const database = createDatabase(postgresql(server));
        for (const table of ["", "_leases", "_changes"])
          await database.exec(`DROP TABLE IF EXISTS ${where}${table}`);
        await database.dispose();
      },
    };
  },
  SQLite: inFolder,
  files: inFolder,
};

async function inFolder(name: string): Promise<Ground> {
  const where = await mkdtemp(join(tmpdir(), name));
  const dispose = (): Promise<void> => rm(where, { recursive: true, force: true, maxRetries: 5 });
  return { where, pass: async () => {}, dispose };
}
