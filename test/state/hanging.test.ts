/** A store that stops answering (K19): told once, retried, and read again when it is well. */
import { createStorage, type Storage } from "unstorage";
import { describe, expect, it } from "vitest";
import type { StateStorage } from "../../src/state/store/storage.ts";
import { cooldown, createBench, HOUR, mark, NOW } from "./fixtures.ts";
import { wrapStorage } from "./storages.ts";

interface HangingStore {
  storage: StateStorage;
  inner: Storage;
  calls: string[];
  /** While true, no call is answered. */
  isHanging: boolean;
  /** Lets everything that was called meanwhile happen, in order. */
  thaw(): Promise<void>;
}

function createHanging(inner: Storage = createStorage()): HangingStore {
  const waiting: (() => Promise<unknown>)[] = [];
  const store: HangingStore = {
    inner,
    calls: [],
    isHanging: false,
    storage: wrapStorage(inner, (method, key, run) => {
      store.calls.push(`${method} ${key}`);
      if (!store.isHanging) return run();
      return new Promise((resolve, reject) => {
        waiting.push(() => run().then(resolve, reject));
      });
    }),
    async thaw() {
      store.isHanging = false;
      for (const go of waiting.splice(0)) await go();
    },
  };
  return store;
}

const told = (lines: readonly string[]): string[] =>
  lines.filter((line) => line.includes("state store"));

describe("K19 a store that stops answering", () => {
  it("fails a load after 30 s at most, is told once, and is read when it answers again", async () => {
    const store = createHanging();
    const writer = createBench({ hangs: true, storage: store.inner });
    writer.state.putCooldown(cooldown("a"));
    await writer.state.flush();

    store.isHanging = true;
    const { state, clock, lines } = createBench({ hangs: true, storage: store.storage });
    const failed = expect(state.load()).rejects.toMatchObject({ code: "STORE_TIMEOUT" });
    await clock.advance(60_000);
    await failed;
    expect(state.health()).toMatchObject({ loaded: false });
    expect(told(lines)).toHaveLength(1);
    expect(told(lines)[0]).toMatch(
      /does not answer within \d+ s: check that it runs and can be reached/,
    );

    store.isHanging = false;
    expect((await state.load()).cooldowns).toEqual([cooldown("a")]);
    expect(state.health()).toMatchObject({ loaded: true, fault: undefined });
    expect(told(lines)[1]).toMatch(/is reachable again after/);
    await state.close();
    expect(clock.pending()).toBe(0);
  });

  it("a load that takes longer than 2 s goes on and has not failed", async () => {
    const store = createHanging();
    store.isHanging = true;
    const { state, clock, lines } = createBench({
      hangs: true,
      storage: store.storage,
      sync: false,
    });
    const loading = state.load();
    await clock.advance(29_000);
    await store.thaw();
    for (let turn = 0; turn < 20; turn++) await clock.settle();
    expect(await loading).toMatchObject({ cooldowns: [] });
    await clock.advance(1_000);
    expect(told(lines).join("\n")).toMatch(/does not answer[^\n]*\n[^\n]*is reachable again/);
    expect(state.health()).toMatchObject({ loaded: true, fault: undefined });
  });

  it("a write counts as failed after 2 s for each call, and is made again", async () => {
    const store = createHanging();
    const { state, clock, lines } = createBench({ hangs: true, storage: store.storage });
    state.putMark(mark("a"));
    await state.flush();
    store.isHanging = true;
    state.putMark(mark("a", { revision: 2 }));
    await clock.advance(2_000);
    expect(state.health()).toMatchObject({
      pendingWrites: 1,
      fault: "write failed: STORE_TIMEOUT",
    });
    expect(told(lines)).toHaveLength(1);
    store.isHanging = false;
    await clock.advance(1_000);
    expect(state.health()).toMatchObject({ pendingWrites: 0, fault: undefined });
    expect((await state.load()).marks).toEqual([mark("a", { revision: 2 })]);
  });

  it("a write that happens after it was given up does not replace a newer record for good", async () => {
    const store = createHanging();
    const { state, clock } = createBench({ hangs: true, storage: store.storage });
    state.putCooldown(cooldown("a", { until: NOW + HOUR }));
    await state.flush();
    const [key = ""] = await store.inner.getKeys();
    const older = await store.inner.getItem(key);

    // The write of the second record is called, hangs, and happens after that of the third.
    const { setItem } = store.storage;
    let release = async (): Promise<void> => {};
    store.storage.setItem = () =>
      new Promise((resolve) => {
        release = () => setItem(key, older as never).then(resolve);
      });
    state.putCooldown(cooldown("a", { until: NOW + 2 * HOUR }));
    await clock.settle();
    await clock.advance(2_000);
    store.storage.setItem = setItem;
    state.putCooldown(cooldown("a", { until: NOW + 3 * HOUR }));
    await state.flush();
    await release();
    await clock.settle();
    await state.flush();
    const { state: after } = createBench({ hangs: true, storage: store.inner });
    expect((await after.load()).cooldowns).toEqual([cooldown("a", { until: NOW + 3 * HOUR })]);
  });

  it("K16 close waits 5 s at most and logs how many records were not written, those under way included", async () => {
    const store = createHanging();
    const { state, clock, lines } = createBench({ hangs: true, storage: store.storage });
    state.putMark(mark("a"));
    await state.flush();
    store.isHanging = true;
    state.putMark(mark("a", { revision: 2 }));
    const closing = state.close();
    await clock.advance(5_000);
    await closing;
    expect(lines.at(-1)).toBe(
      "error state: 1 records could not be written before the relay closed and are lost",
    );
    expect(clock.pending()).toBe(0);
  });

  it("M2 a lease is refused after 2.5 s, and released if it is granted later", async () => {
    const asked: ((generation: number) => void)[] = [];
    const released: unknown[] = [];
    const client = {
      eval: (_script: string, keys: number, ...args: unknown[]) => {
        if (keys === 2) return new Promise((resolve) => void asked.push(resolve));
        released.push(args[1]);
        return Promise.resolve(1);
      },
    };
    const driver = { name: "redis", options: {}, getInstance: () => client };
    const storage = { ...createStorage(), getMount: () => ({ base: "", driver }) } as never;
    const { state, clock, lines } = createBench({ hangs: true, storage });
    const acquired = state.leases.acquire("job", 60_000);
    while (asked.length === 0) await clock.settle();
    await clock.advance(2_500);
    expect(await acquired).toBeUndefined();
    expect(told(lines)).toHaveLength(1);
    asked[0]!(7);
    await clock.settle();
    expect(released).toHaveLength(1);
  });

  it("is asked rarely while many of its calls are overdue", async () => {
    const store = createHanging();
    const { state, clock } = createBench({ hangs: true, storage: store.storage });
    store.isHanging = true;
    for (let count = 0; count < 200; count++) state.putMark(mark(`c${count}`));
    while (store.calls.length < 64) await clock.settle();
    await clock.advance(10_000);
    const before = store.calls.length;
    await clock.advance(600_000);
    expect(store.calls.length - before).toBeLessThan(40);
    store.isHanging = false;
    await clock.advance(120_000);
    expect(state.health()).toMatchObject({ pendingWrites: 0, fault: undefined });
  });
});
