import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStorage, type Storage } from "unstorage";
import fsDriver from "unstorage/drivers/fs";
import memoryDriver from "unstorage/drivers/memory";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import {
  makeCredentials,
  type RelayUnderTest,
  secretOf,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";
import { untilSo } from "../support/until.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const folder = mkdtempSync(join(tmpdir(), "relay-state-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const drivers: [string, () => Storage][] = [
  ["memory", () => createStorage({ driver: memoryDriver() })],
  [
    "fs",
    () =>
      createStorage({
        driver: fsDriver({ base: mkdtempSync(join(folder, "fs-")), watchOptions: {} }),
      }),
  ],
];

async function upstreamOf(count: number): Promise<Simulator> {
  const upstream = await createSimulator({
    keys: Object.fromEntries(makeCredentials(count).map(({ id, apiKey }) => [id, apiKey!])),
  });
  closing.push(() => upstream.close());
  return upstream;
}

async function start(options: UnderTestOptions): Promise<RelayUnderTest> {
  const relay = await startRelay(options);
  closing.push(() => relay.close());
  return relay;
}

async function restart(relay: RelayUnderTest, options: UnderTestOptions): Promise<RelayUnderTest> {
  closing.splice(closing.length - 1, 1);
  await relay.close();
  return start(options);
}

describe.each(drivers)("with the %s driver", (_name, makeStorage) => {
  it("K1 C4 keeps a cooldown of five hours over a restart: no call on that key", async () => {
    const keep = await upstreamOf(1);
    const storage = makeStorage();
    const clock = createVirtualClock();
    const options = { count: 1, keep, storage, clock };
    let relay = await start(options);
    keep.script({
      when: { first: 1 },
      then: { refuse: { kind: "quota", wait: 18_000_000, hints: ["retry-after"] } },
    });
    expect((await relay.chat()).status).toBe(429);
    relay = await restart(relay, options);
    const refused = await relay.chat();
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(17_900);
    expect(keep.ledger.calls).toHaveLength(1);
    await clock.advance(18_000_000);
    expect((await relay.chat()).status).toBe(200);
  });

  it("C7 K1 continues the backoff after a restart where it was before", async () => {
    const keep = await upstreamOf(1);
    const storage = makeStorage();
    const clock = createVirtualClock();
    const options = { count: 1, keep, storage, clock };
    let relay = await start(options);
    const body = JSON.stringify({ error: { message: "Your daily quota is exhausted." } });
    keep.script({
      then: { reply: { status: 429, headers: { "content-type": "application/json" }, body } },
    });
    await relay.chat();
    expect(relay.relay.status().cooldowns[0]).toMatchObject({ incidents: 1, retryAfter: 60 });
    await clock.advance(61_000);
    relay = await restart(relay, options);
    await relay.chat();
    expect(relay.relay.status().cooldowns[0]).toMatchObject({ incidents: 2, retryAfter: 300 });
  });

  it("F5 A1 keeps a disabled key disabled over a restart, by its id", async () => {
    const keep = await upstreamOf(3);
    const storage = makeStorage();
    let relay = await start({ count: 3, keep, storage });
    keep.script({ when: { credential: "c1" }, then: { refuse: "unauthenticated" } });
    await relay.chat();
    relay = await restart(relay, {
      keep,
      storage,
      credentials: makeCredentials(3).filter(({ id }) => id !== "c2"),
    });
    keep.ledger.reset();
    for (let count = 0; count < 4; count++) await (await relay.chat()).text();
    expect(keep.ledger.byCredential()).toEqual({ c3: 4 });
    expect(relay.relay.status().credentials[0]).toMatchObject({
      id: "c1",
      disabled: { cause: "auth" },
    });
  });

  it("A1 enables a key when its secret has changed, and no other", async () => {
    const keep = await createSimulator();
    closing.push(() => keep.close());
    const storage = makeStorage();
    keep.script({
      when: { where: ({ secret }) => secret === secretOf("c1") || secret === secretOf("c2") },
      then: { refuse: "unauthenticated" },
    });
    let relay = await start({ count: 3, keep, storage });
    await (await relay.chat()).text();
    relay = await restart(relay, {
      keep,
      storage,
      credentials: [
        { id: "c1", apiKey: "sk-a-new-secret-for-c1" },
        { id: "c2", apiKey: secretOf("c2") },
      ],
    });
    expect(relay.relay.status().credentials.map(({ disabled }) => disabled?.cause)).toEqual([
      undefined,
      "auth",
    ]);
    expect((await relay.chat()).status).toBe(200);
  });

  it("F5 F3 keeps a credential disabled by an operator until an operator enables it", async () => {
    const keep = await upstreamOf(1);
    const storage = makeStorage();
    let relay = await start({ count: 1, keep, storage });
    expect(relay.relay.credentials.disable("c1", "on leave")).toBe(true);
    expect((await relay.chat()).status).toBe(503);
    relay = await restart(relay, { count: 1, keep, storage });
    expect((await relay.chat()).status).toBe(503);
    expect(relay.relay.credentials.enable("c1")).toBe(true);
    expect((await relay.chat()).status).toBe(200);
    expect(relay.relay.credentials.enable("nobody")).toBe(false);
  });
});

describe("a failing store", () => {
  const broken = (): Storage => {
    const storage = createStorage({ driver: memoryDriver() });
    return Object.assign(storage, {
      getKeys: () => Promise.reject(new Error("the store is down")),
    });
  };

  it("K3 K15 serves without a store that cannot be read, and logs this once", async () => {
    const relay = await start({ storage: broken() });
    expect((await relay.chat()).status).toBe(200);
    expect(
      relay.lines.filter(({ message }) => message.includes("state store memory cannot be read")),
    ).toHaveLength(1);
    expect(relay.relay.status().store.loaded).toBe(false);
  });

  it("K15 applies the stored state when the store is back", async () => {
    const storage = createStorage({ driver: memoryDriver() });
    const keep = await upstreamOf(1);
    const clock = createVirtualClock();
    const first = await start({ count: 1, keep, storage, clock });
    keep.script({
      when: { first: 1 },
      then: { refuse: { kind: "quota", wait: 18_000_000, hints: ["retry-after"] } },
    });
    await first.chat();
    await restart(first, { count: 1, keep, clock });
    const getKeys = storage.getKeys.bind(storage);
    let isDown = true;
    const shaky = Object.assign(storage, {
      getKeys: (base?: string) => (isDown ? Promise.reject(new Error("down")) : getKeys(base)),
    });
    // A system's timers may fire a moment before their time.
    const hasty = { ...clock, after: (ms: number, wake: () => void) => clock.after(ms - 1, wake) };
    const relay = await start({ count: 1, keep, storage: shaky, clock: hasty });
    isDown = false;
    await clock.advance(60_000);
    // Keys are hashed on other threads.
    await untilSo(() => relay.relay.status().store.loaded, 5_000);
    expect((await relay.chat()).status).toBe(429);
  });

  it("K15 lets the first request wait at most two seconds for a slow store", async () => {
    const storage = createStorage({ driver: memoryDriver() });
    let answerKeys = (_keys: string[]): void => {};
    const slow = Object.assign(storage, {
      getKeys: () => new Promise<string[]>((resolve) => (answerKeys = resolve)),
    });
    const clock = createVirtualClock();
    const starting = startRelay({ storage: slow, clock, waitUntilReady: false });
    const relay = await starting;
    closing.push(() => relay.close());
    const answer = relay.chat();
    for (let turn = 0; turn < 30; turn++) await clock.settle();
    expect(relay.upstream.ledger.calls).toHaveLength(0);
    await clock.advance(2_000);
    expect((await answer).status).toBe(200);
    answerKeys([]);
  });

  it("K4 serves while writes fail, keeps its state and flags it", async () => {
    const storage = createStorage({ driver: memoryDriver() });
    let isDown = true;
    const setItem = storage.setItem.bind(storage);
    const readOnly = Object.assign(storage, {
      setItem: (...args: Parameters<typeof setItem>) =>
        isDown ? Promise.reject(new Error("read only")) : setItem(...args),
    });
    const relay = await start({ storage: readOnly, count: 1 });
    relay.upstream.script({
      when: { first: 1 },
      then: { refuse: { kind: "quota", wait: 3_600_000 } },
    });
    expect((await relay.chat()).status).toBe(429);
    expect((await relay.chat()).status).toBe(429);
    expect(relay.upstream.ledger.calls).toHaveLength(1);
    // Keys are hashed on threads, for which the relay's clock does not wait.
    const pending = (): number => relay.relay.status().store.pendingWrites;
    await untilSo(() => pending() > 0, 5_000);
    isDown = false;
    await relay.clock.advance(120_000);
    await untilSo(() => pending() === 0, 5_000);
  });

  it("K7 writes nothing per request and reads nothing during one", async () => {
    const storage = createStorage({ driver: memoryDriver() });
    const calls: string[] = [];
    for (const method of ["getItem", "getItems", "setItem", "getKeys", "removeItem"] as const) {
      const original = storage[method].bind(storage) as (...args: unknown[]) => Promise<unknown>;
      Object.assign(storage, {
        [method]: (...args: unknown[]) => (calls.push(method), original(...args)),
      });
    }
    const relay = await start({ storage });
    calls.length = 0;
    for (let count = 0; count < 30; count++) await (await relay.chat()).text();
    expect(calls).toEqual([]);
    await relay.clock.advance(1_000);
    expect(calls.filter((method) => method === "setItem").length).toBeLessThanOrEqual(1);
    expect(relay.relay.status().credentials.map(({ counters }) => counters?.requests)).toEqual([
      15, 15,
    ]);
  });
});

describe("shutdown", () => {
  it("K16 accepts no new request, lets an open stream finish and leaves no timer", async () => {
    const relay = await start({});
    relay.upstream.script({ then: { stall: { afterEvents: 2 } } });
    const response = await relay.chat();
    const reader = response.body!.getReader();
    await reader.read();
    const closed = relay.relay.close();
    expect((await relay.chat()).status).toBe(503);
    relay.upstream.release();
    let text = "";
    for (let next = await reader.read(); !next.done; next = await reader.read())
      text += new TextDecoder().decode(next.value);
    expect(text).toContain("[DONE]");
    await closed;
    expect(await relay.ended(1)).toBeDefined();
    expect(relay.clock.pending()).toBe(0);
  });

  it("K16 I3 ends a stream that outlasts the grace time with an error event", async () => {
    const relay = await start({});
    relay.upstream.script({ then: { stall: { afterEvents: 2 } } });
    const response = await relay.chat();
    const text = response.text();
    const closed = relay.relay.close();
    await relay.clock.advance(5_000);
    await closed;
    expect(await text).toContain("ERR_RELAY_SHUTDOWN");
    expect(relay.ends.at(-1)).toMatchObject({ reason: "shutdown", error: "ERR_RELAY_SHUTDOWN" });
    await relay.upstream.ledger.until(({ calls }) => calls[0]!.end === "client closed");
  });
});
