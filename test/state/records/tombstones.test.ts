/** Tombstones of removed credentials: they expire, and no credential returns (K6, K11). */
import { createStorage } from "unstorage";
import { expect, it } from "vitest";
import type { CredentialRecord } from "../../../src/contract/records.ts";
import { createBench, HOUR, made, mark, NOW } from "../fixtures.ts";
import { turns } from "../storages.ts";

const DAY = 24 * HOUR;

const removed = (id: string, writtenAt: number): CredentialRecord => ({
  id,
  credential: undefined,
  revision: 2,
  writtenAt,
});

it("K11 K6 the mark of a removed credential goes within the hour, its tombstone after 30 days, while the relay runs", async () => {
  const storage = createStorage();
  const { state, clock } = createBench({ storage });
  await state.load();
  for (const id of ["gone", "kept"]) {
    state.putCredential(made(id));
    state.putMark(mark(id));
  }
  await state.flush();
  state.putCredential(removed("gone", clock.now()));
  await state.flush();
  const count = async (kind: string): Promise<number> =>
    (await storage.getKeys(`relay:${kind}`)).length;
  expect([await count("m"), await count("k")]).toEqual([2, 2]);
  await clock.advance(HOUR);
  await expect.poll(async () => [await count("m"), await count("k")]).toEqual([1, 2]);
  // A mark that was being written then is removed as well.
  state.putMark(mark("gone"));
  await state.flush();
  await clock.advance(HOUR);
  await expect.poll(async () => [await count("m"), await count("k")]).toEqual([1, 2]);
  await clock.advance(29 * DAY);
  await turns(5);
  expect(await count("k")).toBe(2);
  await clock.advance(DAY + HOUR);
  await expect.poll(async () => [await count("m"), await count("k")]).toEqual([1, 1]);
  expect((await state.load()).credentials.map(({ id }) => id)).toEqual(["kept"]);
  await state.close();
  expect(clock.pending()).toBe(0);
});

it("K11 an instance that starts removes what is due, and passes on no mark of a removed credential", async () => {
  const storage = createStorage();
  const before = createBench({ storage }).state;
  for (const id of ["gone", "long gone"]) before.putMark(mark(id));
  before.putCredential(removed("gone", NOW));
  before.putCredential(removed("long gone", NOW - 31 * DAY));
  await before.close();
  const { state } = createBench({ storage, at: NOW + HOUR });
  const { marks, credentials } = await state.load();
  expect(marks).toEqual([]);
  expect(credentials).toEqual([removed("gone", NOW)]);
  await state.flush();
  await expect.poll(() => storage.getKeys("relay:m")).toEqual([]);
  await expect.poll(() => storage.getKeys("relay:k")).toHaveLength(1);
  await state.close();
});

it("K11 K6 an instance that received a removal deletes the mark and the tombstone after the writer has ended", async () => {
  const storage = createStorage();
  const [writer, reader] = [createBench({ storage }), createBench({ storage })];
  const received: CredentialRecord[] = [];
  writer.state.follow(() => {});
  reader.state.follow(({ credentials }) => void received.push(...credentials));
  await Promise.all([writer.state.load(), reader.state.load()]);
  writer.state.putMark(mark("gone"));
  writer.state.putCredential(made("gone"));
  await writer.state.flush();
  writer.state.putCredential(removed("gone", NOW));
  await writer.state.close();
  await expect.poll(() => received.at(-1)).toMatchObject(removed("gone", NOW));
  await reader.clock.advance(HOUR);
  await expect.poll(() => storage.getKeys("relay:m")).toEqual([]);
  await reader.clock.advance(30 * DAY + HOUR);
  await expect.poll(() => storage.getKeys("relay:k")).toEqual([]);
  await reader.state.close();
});

it("K11 two months of used-up tokens leave as many keys as one month", async () => {
  const storage = createStorage();
  const { state, clock } = createBench({ storage });
  await state.load();
  const keys: number[] = [];
  for (let day = 0; day < 70; day++) {
    for (let nth = 0; nth < 20; nth++) {
      const id = `guests-${day}-${nth}`;
      state.putCredential(made(id));
      state.putMark(mark(id));
      await state.flush();
      state.putCredential(removed(id, clock.now()));
    }
    await state.flush();
    await clock.advance(DAY);
    keys.push((await storage.getKeys("relay")).length);
  }
  expect(keys[69]! - keys[34]!).toBeLessThanOrEqual(20);
  expect(keys[69]).toBeLessThan(31 * 20 + 40);
  await state.close();
});
