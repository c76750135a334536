/** Credentials that are added and removed while a pool is in use (K8, H7). */
import { describe, expect, it } from "vitest";
import { createBench, credential, credentials, key, MINUTE, NOW, wanted } from "./fixtures.ts";

describe("a pool whose members change", () => {
  it("K8 selects a new one at once, in its tier", () => {
    const bench = createBench(credentials(2));
    bench.pool.add([credential("new", { tier: 0 })], NOW);
    expect(bench.pick(NOW)).toBe("new");
    bench.pool.remove(["new"], NOW);
    expect([bench.pick(NOW), bench.pick(NOW)].toSorted()).toEqual(["c1", "c2"]);
    expect(bench.pool.has("new")).toBe(false);
  });

  it("K8 A1 does not change cooldowns, probes, disabled credentials and quotas of the others", () => {
    const bench = createBench(credentials(5), { isProtected: (_, left) => left < 0.1 });
    bench.close(key("c3"), MINUTE, NOW);
    bench.close(key("c4", "*"), MINUTE, NOW);
    bench.pool.setDisabled("c5", true);
    bench.pool.setQuota(
      "c2",
      { pool: "main", family: "m", model: "m" },
      { remaining: 0, resetAt: undefined, at: NOW },
      NOW,
    );
    bench.pool.remove(["c1"], NOW);
    expect(bench.pick(NOW)).toBeUndefined();
    bench.pool.add([credential("first", { tier: 0 })], NOW);
    expect([bench.pick(NOW), bench.pick(NOW)]).toEqual(["first", "first"]);
    bench.pool.remove(["first"], NOW);
    expect(bench.pool.blocked(wanted(), NOW)).toMatchObject({ until: NOW + MINUTE });
    expect([1, 2].map(() => bench.pick(NOW + MINUTE)).toSorted()).toEqual(["c3", "c4"]);
    const { candidates } = bench.pool.explain(wanted(), NOW, 9);
    expect(candidates.find(({ credential: id }) => id === "c5")!.skipped!.why).toBe("disabled");
  });

  it("K8 A13 keeps slots taken, and accepts the slot of a removed member without effect", () => {
    const bench = createBench(credentials(2, { maxInFlight: 1 }), { strategy: "least-in-flight" });
    const taken = [bench.pool.take(wanted(), NOW)!.id, bench.pool.take(wanted(), NOW)!.id];
    bench.pool.add([credential("zero", { tier: 0, maxInFlight: 1 })], NOW);
    expect(taken.map((id) => bench.pool.inFlight(id))).toEqual([1, 1]);
    expect(bench.pool.take(wanted(), NOW)?.id).toBe("zero");
    expect(bench.pool.take(wanted(), NOW)).toBeUndefined();
    bench.pool.remove(["c1"], NOW);
    bench.pool.release("c1");
    bench.pool.release("c2");
    expect(bench.pool.take(wanted(), NOW)?.id).toBe("c2");
  });

  it("K8 A6 keeps sessions on their credential, and the position of the rotation", () => {
    const bench = createBench(credentials(4));
    const sessions = ["s1", "s2", "s3", "s4"].map((session) => wanted("m", { session }));
    expect(sessions.map((it) => bench.pick(NOW, it))).toEqual(["c1", "c2", "c3", "c4"]);
    expect(bench.pick(NOW)).toBe("c1");
    bench.pool.add([credential("zero", { tier: 0 })], NOW);
    bench.pool.remove(["c3", "zero"], NOW);
    expect(sessions.slice(0, 2).map((it) => bench.pick(NOW, it))).toEqual(["c1", "c2"]);
    expect(bench.pick(NOW, sessions[3])).toBe("c4");
    expect(bench.pick(NOW)).toBe("c2");
    expect(["c1", "c2", "c4"]).toContain(bench.pick(NOW, sessions[2]));
  });

  it("K8 starts anew with one that returns under its old id", () => {
    const bench = createBench(credentials(1));
    bench.pool.setDisabled("c1", true);
    bench.pool.remove(["c1"], NOW);
    expect(bench.pool.blocked(wanted(), NOW).why).toBe("empty");
    bench.pool.add([credential("c1")], NOW);
    expect(bench.pick(NOW)).toBe("c1");
  });

  it("K8 adds and removes ten thousand in one step", () => {
    const bench = createBench(credentials(10));
    const many = Array.from({ length: 10_000 }, (_, at) => credential(`n${at}`));
    bench.pool.add(many, NOW);
    expect(bench.pool.credentials).toHaveLength(10_010);
    bench.pool.remove(
      many.map(({ id }) => id),
      NOW,
    );
    expect(bench.pool.credentials).toHaveLength(10);
  });
});
