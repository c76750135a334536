/** Journals with a position: entries trimmed before they were read are reported, once (M1). */
import { createStorage, type Storage } from "unstorage";
import { afterEach, describe, expect, it } from "vitest";
import { createJournal } from "../../../src/state/drivers/choose-driver.ts";
import type { Journal } from "../../../src/state/drivers/driver.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";
import { memoryPlace, type StorePlace } from "../storages.ts";
import {
  noPostgres,
  noRedis,
  noSqlite,
  postgresPlace,
  redisPlace,
  sqlitePlace,
} from "../stores.ts";

let place: StorePlace;
afterEach(() => place.dispose());

function journalOn(storage: Storage, instance: string): Journal {
  return createJournal({
    storage: storage as never,
    base: "relay",
    instance,
    clock: createVirtualClock(),
    random: Math.random,
  })!;
}

/** Removes every entry of a journal, as a writer does with old ones. */
type Cut = (storage: Storage) => Promise<unknown>;

interface Redis {
  keys(pattern: string): Promise<string[]>;
  del(...keys: string[]): Promise<unknown>;
  xtrim(key: string, ...args: (string | number)[]): Promise<unknown>;
}

async function cutStream(storage: Storage): Promise<void> {
  const redis = (storage.getMount("").driver.getInstance as () => Redis)();
  const { base } = storage.getMount("").driver.options as { base: string };
  for (const key of await redis.keys(`${base}:relay:changes`)) await redis.xtrim(key, "MAXLEN", 0);
}

async function cutTable(storage: Storage): Promise<void> {
  const { database, tableName } = storage.getMount("").driver.options as {
    database: { exec(sql: string): Promise<unknown> };
    tableName: string;
  };
  await database.exec(`DELETE FROM ${tableName}_changes`);
}

function contract(name: string, make: () => StorePlace | Promise<StorePlace>, cut: Cut): void {
  it(`M1 ${name} returns everything in order, also more than a page`, async () => {
    place = await make();
    const storage = place.open();
    const [a, b] = [journalOn(storage, "a"), journalOn(storage, "b")];
    await a.exchange("before");
    await b.begin();
    const sent = Array.from({ length: 450 }, (_, n) => `text ${n}`);
    for (const text of sent) await a.exchange(text);
    const heard: string[] = [];
    for (let hasMore = true; hasMore;) {
      const { texts, hasMissed, hasMore: more } = await b.exchange(undefined);
      heard.push(...texts);
      expect(hasMissed).toBe(false);
      hasMore = more;
    }
    expect(heard).toEqual(sent);
    expect((await b.exchange(undefined)).texts).toEqual([]);
  });

  it(`M1 ${name} reports once that entries were trimmed, and goes on`, async () => {
    place = await make();
    const storage = place.open();
    const [a, b] = [journalOn(storage, "a"), journalOn(storage, "b")];
    await b.begin();
    await a.exchange("heard");
    expect(await b.exchange(undefined)).toMatchObject({ texts: ["heard"], hasMissed: false });
    await a.exchange("missed");
    await cut(storage);
    expect(await b.exchange(undefined)).toMatchObject({ texts: [], hasMissed: true });
    await a.exchange("next");
    expect(await b.exchange(undefined)).toMatchObject({ texts: ["next"], hasMissed: false });
    expect(await b.exchange(undefined)).toMatchObject({ texts: [], hasMissed: false });
  });
}

describe.skipIf(noSqlite)("with SQLite", () => contract("SQLite", sqlitePlace, cutTable));
describe.skipIf(noRedis)("with Redis", () => contract("Redis", redisPlace, cutStream));
describe.skipIf(noPostgres)("with PostgreSQL", () =>
  contract("PostgreSQL", postgresPlace, cutTable),
);

it("M1 a journal inside the process keeps the latest entries, and reports that others are gone", async () => {
  place = memoryPlace();
  const storage = createStorage();
  const [a, b] = [journalOn(storage, "a"), journalOn(storage, "b")];
  await b.begin();
  for (let n = 0; n < 3_500; n++) await a.exchange(`${n}`);
  const { texts, hasMissed } = await b.exchange(undefined);
  expect(hasMissed).toBe(true);
  expect(texts.at(-1)).toBe("3499");
  expect(await b.exchange(undefined)).toMatchObject({ texts: [], hasMissed: false });
});
