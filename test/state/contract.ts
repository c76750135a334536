/** What the state promises on every store: one suite, run by a short file for each. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StateStorage } from "../../src/state/store/storage.ts";
import { HOUR, NOW, cooldown, createBench, mark } from "./fixtures.ts";

export interface StoreUnderTest {
  /** Opens the store as a process would at its start. */
  open(): StateStorage;
  /** Puts a value there that the relay did not write. */
  plant(key: string, value: string): Promise<void>;
  /** Every stored value, as text. */
  dump(): Promise<Map<string, string>>;
  dispose(): Promise<void>;
}

/** Runs the suite on a new store from `makeStore` for each test. */
export function stateContract(
  name: string,
  makeStore: () => StoreUnderTest | Promise<StoreUnderTest>,
): void {
  describe(`state on ${name}`, () => {
    let store: StoreUnderTest;
    beforeEach(async () => {
      store = await makeStore();
    });
    afterEach(() => store.dispose());

    it("K1 C7 restores cooldowns and their incident count after a kill", async () => {
      const before = createBench({ storage: store.open() });
      before.state.putCooldown(cooldown("a"));
      before.state.putCooldown(cooldown("b", { until: NOW - HOUR / 2, incidents: 2 }));
      await before.state.flush();

      const after = createBench({ storage: store.open(), at: NOW + 60_000 });
      const loaded = await after.state.load();
      expect(loaded.cooldowns).toHaveLength(2);
      expect(loaded.cooldowns).toContainEqual(cooldown("a"));
      expect(loaded.cooldowns).toContainEqual(
        cooldown("b", { until: NOW - HOUR / 2, incidents: 2 }),
      );
      expect(after.state.health()).toMatchObject({ loaded: true, fault: undefined });
    });

    it("K1 F5 restores every kind of mark after a restart, and that one was removed", async () => {
      const marks = [
        ...(["auth", "forbidden", "operator", "exhausted"] as const).map((cause) =>
          mark(cause, { disabled: { cause, reason: "said so", at: NOW } }),
        ),
        mark("free", { disabled: undefined, revision: 2 }),
      ];
      const before = createBench({ storage: store.open() });
      before.state.putMark(mark("free"));
      for (const one of marks) before.state.putMark(one);
      await before.state.close();

      const loaded = await createBench({ storage: store.open() }).state.load();
      expect(loaded.marks.toSorted(byCredential)).toEqual(marks.toSorted(byCredential));
    });

    it("A1 keeps ids apart that a store would rewrite, truncate or confuse", async () => {
      const ids = [
        "a",
        "a?x=1",
        "a/b",
        "a:b",
        "a\\b",
        "A",
        ":a",
        "..",
        "a$",
        "\u00e9",
        "e\u0301",
        "x".repeat(300),
      ];
      const before = createBench({ storage: store.open() });
      for (const [i, id] of ids.entries()) {
        before.state.putCooldown(cooldown(id, { incidents: i }));
        before.state.putMark(mark(id, { revision: i }));
      }
      await before.state.flush();
      expect(before.state.health().pendingWrites).toBe(0);

      const loaded = await createBench({ storage: store.open() }).state.load();
      const found = new Map(loaded.cooldowns.map((one) => [one.key.credential, one.incidents]));
      expect(found).toEqual(new Map(ids.map((id, i) => [id, i])));
      expect(new Map(loaded.marks.map((one) => [one.credential, one.revision]))).toEqual(found);
    });

    it("does not let an older record win against a record of another instance", async () => {
      const [a, b] = [
        createBench({ storage: store.open() }),
        createBench({ storage: store.open() }),
      ];
      a.state.putCooldown(cooldown("same", { until: NOW + 2 * HOUR }));
      a.state.putMark(mark("same", { revision: 5 }));
      await a.state.flush();
      b.state.putCooldown(cooldown("same", { until: NOW + HOUR }));
      b.state.putMark(mark("same", { revision: 4, disabled: undefined }));
      await b.state.flush();

      const loaded = await createBench({ storage: store.open() }).state.load();
      expect(loaded.cooldowns).toEqual([cooldown("same", { until: NOW + 2 * HOUR })]);
      expect(loaded.marks).toEqual([mark("same", { revision: 5 })]);
    });

    it("lets a clearing of a higher epoch win over a later end", async () => {
      const { state } = createBench({ storage: store.open() });
      state.putCooldown(cooldown("a", { epoch: 1, until: NOW, incidents: 0 }));
      await state.flush();
      state.putCooldown(cooldown("a", { epoch: 0, until: NOW + HOUR }));
      await state.flush();
      const loaded = await createBench({ storage: store.open() }).state.load();
      expect(loaded.cooldowns).toEqual([cooldown("a", { epoch: 1, until: NOW, incidents: 0 })]);
    });

    it("K3 uses no broken value, and copies it before its key is written again", async () => {
      const [first] = await keysOf(store, "victim");
      if (!first) throw new Error("nothing was written");
      for (const broken of BROKEN) {
        await store.plant(first, broken);
        const { state, lines } = createBench({ storage: store.open() });
        expect((await state.load()).cooldowns).toEqual([]);
        expect((await store.dump()).get(first)).toBe(broken);
        expect(state.health().setAside).toEqual([first]);
        expect(lines.filter((line) => line.includes(first))).toHaveLength(1);
        expect(lines.join()).not.toContain("s3cret");

        state.putCooldown(cooldown("victim"));
        await state.close();
        const values = await store.dump();
        expect(values.get(first.replace(":c:", ":aside:"))).toBe(broken);
        const reloaded = await createBench({ storage: store.open() }).state.load();
        expect(reloaded.cooldowns).toEqual([cooldown("victim")]);
        await clear(store);
      }
    });

    it("K10 does not overwrite a record of a newer version, and names its key", async () => {
      const [key] = await keysOf(store, "a");
      if (!key) throw new Error("nothing was written");
      const newer = JSON.stringify({ v: 2, kind: "cooldown", until: "soon" });
      await store.plant(key, newer);

      const { state, lines } = createBench({ storage: store.open() });
      expect((await state.load()).cooldowns).toEqual([]);
      state.putCooldown(cooldown("a"));
      await state.close();
      expect((await store.dump()).get(key)).toBe(newer);
      expect(state.health()).toMatchObject({ pendingWrites: 0, setAside: [key] });
      expect(lines.filter((line) => line.includes(key))).toHaveLength(1);
    });

    it("K11 removes cooldowns that ended longer ago than their backoff counts", async () => {
      const before = createBench({ storage: store.open() });
      before.state.putCooldown(cooldown("old", { until: NOW + 1000 }));
      before.state.putCooldown(cooldown("young", { until: NOW + 2000 }));
      await before.state.flush();

      const after = createBench({ storage: store.open(), at: NOW + 1001 + HOUR });
      const loaded = await after.state.load();
      expect(loaded.cooldowns).toEqual([cooldown("young", { until: NOW + 2000 })]);
      await after.state.close();
      expect([...(await store.dump()).keys()].filter((key) => key.includes(":c:"))).toHaveLength(1);
    });

    it("K7 K16 writes counters on close, and a later process continues from them", async () => {
      const before = createBench({ storage: store.open() });
      for (let i = 0; i < 5; i++) before.state.count("a", i === 0);
      await before.state.close();

      const after = createBench({ storage: store.open(), at: NOW + 5 });
      await after.state.load();
      expect(after.state.counters("a")).toEqual({ requests: 5, failures: 1, lastUsedAt: NOW });
      after.state.count("a", false);
      expect(after.state.counters("a")).toEqual({ requests: 6, failures: 1, lastUsedAt: NOW + 5 });
      expect(after.state.counters("b")).toBeUndefined();
    });

    it("K16 leaves no timer after close", async () => {
      const { state, clock } = createBench({ storage: store.open() });
      await state.load();
      state.putCooldown(cooldown("a"));
      state.count("a", false);
      await state.close();
      expect(clock.pending()).toBe(0);
      state.count("a", true);
      state.putCooldown(cooldown("b"));
      expect(clock.pending()).toBe(0);
    });

    it("K7 writes each record once, however often it is put", async () => {
      const { state } = createBench({ storage: store.open() });
      for (let i = 0; i < 50; i++) state.putCooldown(cooldown("a", { until: NOW + i }));
      await state.flush();
      const values = await store.dump();
      expect([...values.keys()].filter((key) => key.includes(":c:")).length).toBeLessThanOrEqual(2);
      const loaded = await createBench({ storage: store.open() }).state.load();
      expect(loaded.cooldowns).toEqual([cooldown("a", { until: NOW + 49 })]);
    });
  });
}

const GOOD = { v: 1, kind: "cooldown", ...cooldown("victim") };

/** Values that stores have returned, and similar ones. */
export const BROKEN: readonly string[] = [
  "",
  "123",
  "true",
  "s3cret, no JSON",
  "[]",
  "{}",
  JSON.stringify(GOOD).slice(0, 40),
  JSON.stringify({ ...GOOD, v: 0 }),
  JSON.stringify({ ...GOOD, v: "1" }),
  JSON.stringify({ ...GOOD, kind: "mark" }),
  JSON.stringify({ ...GOOD, until: null }),
  JSON.stringify({ ...GOOD, until: "5" }),
  JSON.stringify({ ...GOOD, until: -1 }),
  JSON.stringify({ ...GOOD, epoch: 0.5 }),
  JSON.stringify({ ...GOOD, reason: "toString" }),
  JSON.stringify({ ...GOOD, stated: 1 }),
  JSON.stringify({ ...GOOD, key: { credential: "", upstream: "u", pool: "p", family: "f" } }),
  JSON.stringify({ ...GOOD, key: null }),
];

function byCredential(a: { credential: string }, b: { credential: string }): number {
  return a.credential < b.credential ? -1 : 1;
}

/** The places that a cooldown of `credential` takes; the store is empty again afterwards. */
async function keysOf(store: StoreUnderTest, credential: string): Promise<string[]> {
  const { state } = createBench({ storage: store.open() });
  state.putCooldown(cooldown(credential));
  await state.close();
  const keys = [...(await store.dump()).keys()].filter((key) => key.includes(":c:"));
  await clear(store);
  return keys;
}

async function clear(store: StoreUnderTest): Promise<void> {
  const storage = store.open();
  for (const key of (await store.dump()).keys()) await storage.removeItem(key);
}
