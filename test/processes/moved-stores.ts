/** The users' drivers, except for their clocks: their time is advanced with the test's. */
import { createRequire } from "node:module";
import sqlite from "db0/connectors/better-sqlite3";
import postgresql from "db0/connectors/postgresql";
import { createDatabase, type Database } from "db0";
import { createStorage, type Driver, type Storage } from "unstorage";
import dbDriver from "unstorage/drivers/db0";
import fsDriver from "unstorage/drivers/fs-lite";
import redisDriver from "unstorage/drivers/redis";
import type { Redis } from "ioredis";
import type { MovedClock } from "./moved-clock.ts";
import { REDIS_DB, type Place } from "./messages.ts";

/** `addon` is the file of SQLite's own module. */
export function openStore({ store, where }: Place, clock: MovedClock, addon: string): Storage {
  return createStorage({ driver: driverOf(store, where, clock, addon) });
}

function driverOf(store: Place["store"], where: string, clock: MovedClock, addon: string): Driver {
  switch (store) {
    case "files":
      return fsDriver({ base: where });
    case "Redis": {
      const driver = redisDriver({ base: where, host: "127.0.0.1", port: 6379, db: REDIS_DB });
      return { ...driver, getInstance: () => movedRedis(driver.getInstance!() as Redis, clock) };
    }
    case "SQLite": {
      const lib = (): unknown => createRequire(import.meta.url)(addon);
      const options = { path: `${where}/relay.db`, lib } as never;
      const database = movedSql(createDatabase(sqlite(options)), clock);
      return dbDriver({ database, tableName: "relay" });
    }
    case "PostgreSQL": {
      const server = { host: "127.0.0.1", port: 5432, user: "postgres", database: "test" };
      const database = movedSql(createDatabase(postgresql(server)), clock);
      return dbDriver({ database, tableName: where });
    }
  }
}

/** Its locks expire by Redis's own clock: the test makes them older (`pass` of the parent). */
function movedRedis(client: Redis, clock: MovedClock): object {
  return {
    eval: client.eval.bind(client),
    multi: client.multi.bind(client),
    async time() {
      const [seconds, micros] = await client.time();
      return [Number(seconds) + clock.passed / 1_000, micros];
    },
  };
}

function movedSql(database: Database, clock: MovedClock): Database {
  const seconds = (): string => `${clock.passed / 1_000} seconds`;
  return {
    ...database,
    dialect: database.dialect,
    prepare: (sql: string) =>
      database.prepare(
        sql
          .replaceAll("clock_timestamp()", `(clock_timestamp() + interval '${seconds()}')`)
          .replaceAll("julianday('now')", `julianday('now', '+${seconds()}')`),
      ),
  } as Database;
}
