/** Relays on stores that lag, lose keys, or read as nothing: what is called, by the upstream's ledger (K15, K18, G13). */
import { createStorage, type Storage } from "unstorage";
import { afterEach, expect, it } from "vitest";
import { createSimulator } from "../../simulator/index.ts";
import type { StateStorage } from "../../src/state/store/storage.ts";
import { wrapStorage } from "../state/storages.ts";
import { makeCredentials, type RelayUnderTest, startRelay } from "../support/relay.ts";
import { ask, createTokenWorld, type TokenWorld } from "../support/token-relay.ts";
import { untilSo } from "../support/until.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** A store that shows what was written only after a time, as KV and Netlify do; it has plain values alone. */
function createLagging(inner: Storage, now: () => number, lag: number): StateStorage {
  const before = new Map<string, { until: number; value: unknown }>();
  const seen = (key: string, value: unknown): unknown =>
    (before.get(key)?.until ?? 0) > now() ? before.get(key)!.value : value;
  const wrapped = wrapStorage(inner, async (method, key, run) => {
    if (method === "setItem") {
      const value = seen(key, await inner.getItem(key));
      await run();
      return void before.set(key, { until: now() + lag, value });
    }
    const answer = await run();
    if (method === "getItem") return seen(key, answer);
    if (method !== "getItems") return answer;
    return (answer as { key: string; value: unknown }[]).map((item) => ({
      ...item,
      value: seen(item.key, item.value),
    }));
  });
  return { ...wrapped, getMount: () => ({ driver: { name: "netlify-blobs" } }) };
}

async function worldOf(): Promise<TokenWorld> {
  const world = await createTokenWorld({ tokens: { rotate: true } });
  closing.push(() => world.close());
  return world;
}

const said = ({ lines }: RelayUnderTest, words: RegExp): number =>
  lines.filter(({ message }) => words.test(message)).length;

it("G13 on a store that lags by 2 s a single instance refreshes a rotating token by its own knowledge", async () => {
  const world = await worldOf();
  const storage = createLagging(createStorage(), world.clock.now, 2_000) as never;
  const relay = await world.start({
    instances: 1,
    storage,
    secret: "a secret that is long enough",
    credentials: [{ id: "a", token: world.oauth("a") }],
  });
  await world.clock.advance(5_000);
  const first = ask(relay);
  await untilSo(async () => {
    await world.clock.advance(250);
    return world.upstream.ledger.refreshes.refreshed > 0;
  }, 60_000);
  expect(await first).toBe(200);
  for (let hour = 1; hour <= 3; hour++) {
    await world.clock.advance(3_600_000);
    const asked = ask(relay);
    await untilSo(async () => {
      await world.clock.advance(250);
      return world.upstream.ledger.refreshes.refreshed > hour;
    }, 60_000);
    expect(await asked).toBe(200);
  }
  expect(world.upstream.ledger.refreshes).toMatchObject({ refreshed: 4, reused: 0 });
  expect(said(relay, /does not return a record that was just written/)).toBe(1);
}, 60_000);

it("G13 several instances on a store that lags refuse at once, with the reason in log and answer", async () => {
  const world = await worldOf();
  const storage = createLagging(createStorage(), world.clock.now, 2_000) as never;
  const relay = await world.start({
    storage,
    secret: "a secret that is long enough",
    credentials: [{ id: "a", token: world.oauth("a") }],
  });
  await world.clock.advance(5_000);
  const response = await relay.chat();
  expect(response.status).toBe(503);
  expect(await response.text()).toContain("STORE_LAGS");
  expect(world.upstream.ledger.refreshes.attempts).toBe(0);
  expect(said(relay, /could not be refreshed: STORE_LAGS.*set `instances: 1`/)).toBe(1);
}, 60_000);

it("K15 K3 a key that was disabled is not called while its record is listed and reads as nothing", async () => {
  const keys = Object.fromEntries(makeCredentials(2).map(({ id, apiKey }) => [id, apiKey!]));
  const keep = await createSimulator({ keys });
  closing.push(() => keep.close());
  const inner = createStorage();
  const before = await startRelay({ keep, count: 2, storage: inner });
  before.relay.credentials.disable("c1", "leaked");
  await before.close();

  let isNothing = true;
  const storage = wrapStorage(inner, async (method, key, run) => {
    if (!isNothing || !/:m:/.test(key) || method === "setItem" || method === "getKeys")
      return run();
    return method === "getItem" ? null : key.split(",").map((one) => ({ key: one, value: null }));
  });
  const after = await startRelay({ keep, count: 2, storage: storage as never });
  closing.push(() => after.close());
  for (let count = 0; count < 6; count++) expect(await ask(after)).toBe(200);
  expect(keep.ledger.byCredential()).toEqual({ c2: 6 });
  expect(said(after, /credential c1 is not used until its record can be read/)).toBe(1);
  expect(after.relay.status().store).toMatchObject({ loaded: false });

  isNothing = false;
  await after.clock.advance(5_000);
  await untilSo(() => after.relay.status().store.loaded, 5_000);
  for (let count = 0; count < 4; count++) expect(await ask(after)).toBe(200);
  expect(keep.ledger.byCredential()).toEqual({ c2: 10 });
  after.relay.credentials.enable("c1");
  for (let count = 0; count < 4; count++) expect(await ask(after)).toBe(200);
  expect(keep.ledger.byCredential()["c1"]).toBeGreaterThan(0);
});

it("K18 a restart on a store that lists one page calls no disabled key and keeps its cooldowns", async () => {
  const keys = Object.fromEntries(makeCredentials(3).map(({ id, apiKey }) => [id, apiKey!]));
  const keep = await createSimulator({ keys });
  closing.push(() => keep.close());
  const inner = createStorage();
  for (let at = 0; at < 1_100; at++) await inner.setItem(`a:${at}`, "foreign");
  const storage = {
    ...wrapStorage(inner, (_method, _key, run) => run()),
    getMount: () => ({ driver: { name: "s3" } }),
    getKeys: async (base = "") =>
      (await inner.getKeys())
        .toSorted()
        .slice(0, 1_000)
        .filter((key) => key.startsWith(base)),
  } as never;
  const before = await startRelay({ keep, count: 3, storage });
  before.relay.credentials.disable("c1", "leaked");
  keep.script({
    when: { credential: "c2", first: 1 },
    then: { refuse: { kind: "quota", wait: 18_000_000, hints: ["retry-after"] } },
  });
  for (let count = 0; count < 3; count++) await ask(before);
  await before.close();
  keep.ledger.reset();
  const after = await startRelay({ keep, count: 3, storage });
  closing.push(() => after.close());
  for (let count = 0; count < 4; count++) expect(await ask(after)).toBe(200);
  expect(keep.ledger.byCredential()).toEqual({ c3: 4 });
  expect(said(after, /does not list a key that was written/)).toBe(1);
});
