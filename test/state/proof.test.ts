/** What a store does is seen, not believed (K18): listings that lack keys, writes that vanish, reads that lag, keys that read as nothing. */
import { createStorage, type Storage } from "unstorage";
import nullDriver from "unstorage/drivers/null";
import { describe, expect, it } from "vitest";
import type { StateStorage } from "../../src/state/store/storage.ts";
import { untilSo } from "../support/until.ts";
import { cooldown, createBench, HOUR, made, mark, NOW, type Bench } from "./fixtures.ts";
import { wrapStorage } from "./storages.ts";

const SECRETS = ["a secret that is long enough to be one"];

function named(storage: StateStorage, name: string): StateStorage {
  return { ...storage, getMount: () => ({ base: "", driver: { name } }) };
}

/** A driver that lists one page of all keys in the store, in order, and ignores the prefix: unstorage's driver of S3. */
function createPaged(inner: Storage, page: number): StateStorage {
  const wrapped = wrapStorage(inner, (_method, _key, run) => run());
  return named(
    {
      ...wrapped,
      getKeys: async (base = "") =>
        (await inner.getKeys())
          .toSorted()
          .slice(0, page)
          .filter((key) => key.startsWith(base)),
    },
    "s3",
  );
}

async function withForeign(count: number): Promise<Storage> {
  const inner = createStorage();
  for (let at = 0; at < count; at++) await inner.setItem(`a:${at}`, "foreign");
  return inner;
}

/** Stores everything that a restart must not lose. */
async function fill(storage: StateStorage): Promise<Bench> {
  const bench = createBench({ storage, secrets: SECRETS });
  await bench.state.load();
  bench.state.putCooldown(cooldown("a"));
  bench.state.putMark(mark("leaked"));
  bench.state.putCredential(made("added"));
  await bench.state.close();
  return bench;
}

const told = (lines: readonly string[], what: RegExp): string[] =>
  lines.filter((line) => what.test(line));

describe("K18 a listing that lacks keys", () => {
  it("is told once, and every record is found after a restart", async () => {
    for (const open of [
      (inner: Storage): StateStorage => createPaged(inner, 100),
      // Never lists anything.
      (inner: Storage): StateStorage => ({
        ...named(
          wrapStorage(inner, (_method, _key, run) => run()),
          "http",
        ),
        getKeys: async () => [],
      }),
      // Lists keys with a prefix that it does not remove.
      (inner: Storage): StateStorage =>
        named(
          wrapStorage(inner, async (method, _key, run) =>
            method === "getKeys" ? ((await run()) as string[]).map((key) => `app:${key}`) : run(),
          ),
          "vercel-kv",
        ),
    ]) {
      const inner = await withForeign(110);
      const before = await fill(open(inner));
      expect(told(before.lines, /does not list a key that was written/)).toHaveLength(1);
      expect(before.state.health().proven).toMatchObject({ keeps: true, lists: false });

      const { state, lines } = createBench({ storage: open(inner), secrets: SECRETS });
      const loaded = await state.load();
      expect(loaded.cooldowns).toEqual([cooldown("a")]);
      expect(loaded.marks).toEqual([mark("leaked")]);
      expect(loaded.credentials).toEqual([made("added")]);
      expect(await state.listCredentials()).toEqual([made("added")]);
      expect(told(lines, /does not list a key that was written/)).toHaveLength(1);
      await state.close();
    }
  });

  it("K1 the marks and cooldowns of configured credentials are read by name, though no index was kept", async () => {
    const inner = createStorage();
    await fill(inner);
    for (let at = 0; at < 110; at++) await inner.setItem(`a:${at}`, "foreign");
    const { state } = createBench({
      storage: { ...createPaged(inner, 100), getMount: () => ({ driver: { name: "http" } }) },
      credentials: () => ["leaked", "other"],
      cooldowns: () => [["acme", "a", "main", "*"]],
    });
    const loaded = await state.load();
    expect(loaded.marks).toEqual([mark("leaked")]);
    expect(loaded.cooldowns).toEqual([cooldown("a")]);
    await state.close();
  });

  it("a driver that lists one page keeps its index before the page is full", async () => {
    const inner = createStorage();
    await fill(createPaged(inner, 100));
    for (let at = 0; at < 110; at++) await inner.setItem(`a:${at}`, "foreign");
    const { state } = createBench({ storage: createPaged(inner, 100), secrets: SECRETS });
    expect(await state.load()).toMatchObject({
      cooldowns: [cooldown("a")],
      marks: [mark("leaked")],
      credentials: [made("added")],
    });
    await state.close();
  });

  it("K6 two instances note keys at once, and a removed record is noted no more", async () => {
    const inner = await withForeign(110);
    const [a, b] = [1, 2].map(() => createBench({ storage: createPaged(inner, 100) }));
    await Promise.all([a!.state.load(), b!.state.load()]);
    for (let at = 0; at < 40; at++) {
      a!.state.putMark(mark(`a${at}`));
      b!.state.putMark(mark(`b${at}`));
    }
    await Promise.all([a!.state.close(), b!.state.close()]);
    const { state, clock } = createBench({ storage: createPaged(inner, 100) });
    expect((await state.load()).marks).toHaveLength(80);

    state.putCooldown(cooldown("short", { until: NOW + 1 }));
    await state.flush();
    const noted = async (): Promise<number> =>
      JSON.stringify(
        await Promise.all((await inner.getKeys("relay:x")).map((key) => inner.getItem(key))),
      ).split('"c:').length - 1;
    expect(await noted()).toBe(1);
    await clock.advance(3 * HOUR);
    await state.close();
    expect(await noted()).toBe(0);
  });

  it("H2 counts the attempts to create tokens that are not listed", async () => {
    const storage = createPaged(await withForeign(110), 100);
    const before = createBench({ storage });
    await before.state.load();
    await before.state.creations.add({ limiter: "l", id: "1", at: NOW, endedAt: NOW });
    await before.state.close();
    const after = createBench({ storage });
    await after.state.load();
    expect(await after.state.creations.list("l", NOW - HOUR, NOW)).toHaveLength(1);
    await after.state.close();
  });

  it("a listing that is whole is not mentioned, and nothing is left of the proof", async () => {
    const inner = createStorage();
    const { state, lines } = createBench({ storage: inner });
    await state.load();
    await state.close();
    expect(state.health().proven).toEqual({ keeps: true, lag: 0, lists: true, locks: true });
    expect(lines).toEqual([]);
    expect((await inner.getKeys()).filter((key) => /:(?:probe|x):/.test(key))).toEqual([]);
  });
});

describe("K18 writes that vanish", () => {
  it("are told at once, and nothing is written repeatedly", async () => {
    let calls = 0;
    const storage = wrapStorage(createStorage({ driver: nullDriver() }), (_method, _key, run) => {
      calls++;
      return run();
    });
    const { state, clock, lines } = createBench({ storage });
    state.follow(() => {});
    await state.load();
    expect(told(lines, /does not return a record that was just written/)).toHaveLength(1);
    expect(state.health().proven).toMatchObject({ keeps: false });
    state.putMark(mark("a"));
    state.putCooldown(cooldown("a"));
    await state.flush();
    calls = 0;
    await clock.advance(600_000);
    expect(calls).toBeLessThan(120);
    expect(lines.filter((line) => line.includes("state store"))).toHaveLength(1);
    await state.close();
    expect(clock.pending()).toBe(0);
  });

  it("a store that refuses writes is told with the driver's words, and its records are read", async () => {
    const inner = createStorage();
    await fill(inner);
    const storage = wrapStorage(inner, async (method, _key, run) => {
      if (method === "setItem")
        throw new Error("READONLY You can't write against a read only replica.");
      return run();
    });
    const { state, clock, lines } = createBench({ storage, secrets: SECRETS });
    expect((await state.load()).marks).toEqual([mark("leaked")]);
    expect(told(lines, /cannot be written \(Error: READONLY You can't write/)).toHaveLength(1);
    await state.close();
    expect(clock.pending()).toBe(0);
  });
});

describe("K18 reads that lag", () => {
  it("are told when they begin and when the record is seen", async () => {
    const inner = createStorage();
    const visibleAt = new Map<string, number>();
    let now = (): number => 0;
    const storage = wrapStorage(inner, async (method, key, run) => {
      if (method === "setItem") visibleAt.set(key, now() + 2_000);
      if (method === "getItem" && (visibleAt.get(key) ?? 0) > now()) return null;
      return run();
    });
    const { state, clock, lines } = createBench({ storage, isOnly: true, sync: false });
    now = () => clock.now();
    await state.load();
    expect(state.health().proven).toMatchObject({ keeps: false, lists: undefined });
    await clock.advance(5_000);
    expect(state.health().proven).toMatchObject({ keeps: true, lag: 3_750 });
    expect(told(lines, /returned a record 3\.7 s after it was written/)).toHaveLength(1);
    await state.close();
  });
});

describe("K3 a key that is listed and reads as nothing", () => {
  function createNothing(inner: Storage): { storage: StateStorage; nothing: Set<RegExp> } {
    const nothing = new Set<RegExp>();
    const isNothing = (key: string): boolean => [...nothing].some((one) => one.test(key));
    const storage = wrapStorage(inner, async (method, key, run) => {
      if (method === "getItem" && isNothing(key)) return null;
      const answer = await run();
      if (method !== "getItems") return answer;
      return (answer as { key: string; value: unknown }[]).map((item) =>
        isNothing(item.key) ? { ...item, value: null } : item,
      );
    });
    return { storage, nothing };
  }

  it("K15 fails the load, names the configured credentials concerned, and is read later", async () => {
    const inner = createStorage();
    await fill(inner);
    const { storage, nothing } = createNothing(inner);
    nothing.add(/:[mck]:/);
    const { state, lines } = createBench({
      storage,
      secrets: SECRETS,
      credentials: () => ["leaked", "other"],
    });
    await expect(state.load()).rejects.toMatchObject({ code: "LISTED_NOTHING" });
    expect(state.unread()).toEqual(["leaked"]);
    expect(told(lines, /LISTED_NOTHING: \d records are listed and read as nothing/)).toHaveLength(
      1,
    );
    nothing.clear();
    expect((await state.load()).marks).toEqual([mark("leaked")]);
    expect(state.unread()).toEqual([]);
    expect(state.health()).toMatchObject({ loaded: true, fault: undefined });
  });

  it("counts as removed when it is not listed any more, or still is after a minute", async () => {
    const inner = createStorage();
    await fill(inner);
    const { storage, nothing } = createNothing(inner);
    nothing.add(/:c:/);
    const { state, clock, lines } = createBench({ storage, secrets: SECRETS });
    await expect(state.load()).rejects.toThrow();
    await clock.advance(59_000);
    await expect(state.load()).rejects.toThrow();
    await clock.advance(1_000);
    expect((await state.load()).cooldowns).toEqual([]);
    expect(told(lines, /1 keys have been listed for a minute/)).toHaveLength(1);

    let listings = 0;
    const removed: StateStorage = {
      ...storage,
      getKeys: async (base) =>
        (await inner.getKeys(base)).filter((key) => !key.includes(":c:") || listings++ === 0),
    };
    expect((await createBench({ storage: removed }).state.load()).cooldowns).toEqual([]);
  });

  it("is read again before that, since one answer may be wrong", async () => {
    const inner = createStorage();
    await fill(inner);
    const storage = wrapStorage(inner, async (method, _key, run) => {
      const answer = await run();
      if (method !== "getItems") return answer;
      return (answer as { key: string }[]).map(({ key }) => ({ key, value: null }));
    });
    expect((await createBench({ storage, secrets: SECRETS }).state.load()).marks).toHaveLength(1);
  });
});

it("K3 values that could not be parsed at start are read again, and applied", async () => {
  const inner = createStorage();
  await fill(inner);
  let isWrong = true;
  const storage = wrapStorage(inner, async (method, key, run) => {
    const answer = await run();
    if (!isWrong || method === "getKeys") return answer;
    if (method === "getItems")
      return (answer as { key: string }[]).map((one) => ({ ...one, value: "text" }));
    return method === "getItem" && /:[cmk]:/.test(key) ? "text" : answer;
  });
  const { state, clock } = createBench({ storage, secrets: SECRETS });
  const heard: string[] = [];
  state.follow(({ marks }) => void heard.push(...marks.map(({ credential }) => credential)));
  expect((await state.load()).marks).toEqual([]);
  expect(state.health().setAside.length).toBeGreaterThan(0);
  isWrong = false;
  await clock.advance(5_000);
  await untilSo(() => heard.includes("leaked"), 5_000);
  expect(state.health().setAside).toEqual([]);
  await state.close();
  expect(clock.pending()).toBe(0);
});
