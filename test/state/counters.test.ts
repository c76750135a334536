import { describe, expect, it } from "vitest";
import { createStorage } from "unstorage";
import { createCounters } from "../../src/state/counters/usage-counters.ts";
import type { StateStorage } from "../../src/state/store/storage.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import { NOW, createBench } from "./fixtures.ts";
import { createFailing } from "./storages.ts";

const DAY = 86_400_000;

describe("counters", () => {
  it("K7 makes one write per second and no read for 3,000 counts per second", async () => {
    const { storage, calls } = createFailing();
    const { state, clock } = createBench({ storage });
    for (let tick = 0; tick < 100; tick++) {
      for (let i = 0; i < 300; i++) state.count(`c${i % 50}`, i % 10 === 0);
      await clock.advance(100);
    }
    expect(Object.fromEntries(calls)).toEqual({ setItem: 10 });
    await state.close();
    expect(state.counters("c0")).toMatchObject({ requests: 600, failures: 600 });
  });

  it("K7 writes nothing while nothing changes", async () => {
    const { storage, calls } = createFailing();
    const { state, clock } = createBench({ storage });
    state.count("a", false);
    await clock.advance(3_600_000);
    expect(calls.get("setItem")).toBe(1);
    expect(clock.pending()).toBe(0);
  });

  it("K7 keeps every value below 64 KiB, and still makes one write a second", async () => {
    const inner = createStorage();
    const sizes: number[] = [];
    const storage: StateStorage = {
      ...inner,
      setItem: async (key, value) => {
        sizes.push(new TextEncoder().encode(JSON.stringify(value)).length);
        await inner.setItem(key, value);
      },
    };
    const { state, clock } = createBench({ storage });
    const ids = Array.from({ length: 5000 }, (_, i) => `"\u00fc\u0001${i}${"x".repeat(i % 190)}`);
    for (const id of ids) for (let i = 0; i < 3; i++) state.count(id, true);
    await clock.advance(2000);
    expect(sizes).toHaveLength(2);
    await state.close();
    expect(sizes.length).toBeGreaterThan(10);
    expect(Math.max(...sizes)).toBeLessThan(65_536);

    const later = createBench({ storage });
    await later.state.load();
    for (const id of ids) expect(later.state.counters(id)?.requests).toBe(3);
  });

  it("K4 counts while the store is down, and writes the sum when it is back", async () => {
    const { storage, broken, calls } = createFailing();
    const { state, clock } = createBench({ storage });
    broken.add("setItem");
    for (let second = 0; second < 120; second++) {
      state.count("a", false);
      await clock.advance(1000);
    }
    expect(calls.get("setItem")).toBeLessThan(9);
    expect(state.health()).toMatchObject({ pendingWrites: 1 });
    broken.clear();
    await clock.advance(60_000);
    expect(state.health()).toMatchObject({ pendingWrites: 0, fault: undefined });
    const later = createBench({ storage });
    await later.state.load();
    expect(later.state.counters("a")?.requests).toBe(120);
  });

  it("K4 writes counters again after a failed write, also when nothing is counted since", async () => {
    const { storage, broken } = createFailing();
    const { state, clock } = createBench({ storage });
    broken.add("setItem");
    state.count("a", false);
    await clock.advance(1_000);
    expect(state.health()).toMatchObject({ pendingWrites: 1 });
    broken.clear();
    await clock.advance(2_000);
    expect(state.health()).toMatchObject({ pendingWrites: 0 });
    const later = createBench({ storage });
    await later.state.load();
    expect(later.state.counters("a")?.requests).toBe(1);
  });

  it("adds up the counts of two instances, and counts nothing twice on a second load", async () => {
    const storage = createStorage();
    const [a, b] = [createBench({ storage }), createBench({ storage })];
    a.state.count("x", false);
    b.state.count("x", true);
    await Promise.all([a.state.flush(), b.state.flush()]);
    await a.state.load();
    await a.state.load();
    expect(a.state.counters("x")).toEqual({ requests: 2, failures: 1, lastUsedAt: NOW });
  });

  it("K3 skips torn counters", async () => {
    const storage = createStorage();
    const before = createBench({ storage });
    before.state.count("x", false);
    await before.state.flush();
    const [key = ""] = await storage.getKeys();
    const whole = JSON.stringify(await storage.getItem(key));
    const torn = [
      whole.slice(0, 50),
      "",
      whole.replace(",1,", ",null,"),
      whole.replace('"x"', '""'),
    ];
    for (const value of torn) {
      await storage.setItem(key, value);
      const { state } = createBench({ storage });
      await state.load();
      expect(state.counters("x")).toBeUndefined();
      expect(state.counters("")).toBeUndefined();
    }
  });

  it("K11 counts 1,000,000 ids in bounded memory and keys", () => {
    const clock = createVirtualClock();
    const counters = createCounters(clock, "one", () => {}, 10_000);
    const keys = new Set<number>();
    for (let i = 0; i < 1_000_000; i++) {
      counters.count(`id-${i}`, false);
      if (i % 500 === 0) keys.add(counters.takeChanged()?.index ?? 0);
    }
    expect(counters.get("id-0")).toBeUndefined();
    expect(counters.get("id-999999")?.requests).toBe(1);
    expect(keys.size).toBeLessThan(40);
  });

  it("K11 drops the counters idle longest, not those in use", () => {
    let now = NOW;
    const counters = createCounters(
      { now: () => now, after: () => () => {} },
      "one",
      () => {},
      5000,
    );
    for (let i = 0; i < 50_000; i++) {
      now++;
      counters.count(`id-${i}`, false);
      counters.count("busy", false);
    }
    expect(counters.get("busy")?.requests).toBe(50_000);
    expect(counters.get("id-1")?.requests ?? 0).toBeLessThanOrEqual(1);
  });

  it("K11 removes the counters of earlier starts once they are a day old", async () => {
    const storage = createStorage();
    for (let i = 0; i < 600; i++) {
      const writtenAt = i < 400 ? NOW - DAY - 1 : NOW - DAY;
      const counts = [["x", 1, 0, writtenAt]];
      await storage.setItem(`relay:i:${i.toString(36)}:0`, {
        v: 1,
        kind: "counters",
        instance: `${i}`,
        writtenAt,
        counts,
      });
    }
    for (let start = 0; start < 3; start++) await createBench({ storage }).state.load();
    expect((await storage.getKeys("relay:i")).length).toBeLessThanOrEqual(512);
    expect((await storage.getKeys("relay:i")).length).toBeGreaterThanOrEqual(200);
    const { state } = createBench({ storage });
    await state.load();
    expect(state.counters("x")?.requests).toBe((await storage.getKeys("relay:i")).length);
  });
});
