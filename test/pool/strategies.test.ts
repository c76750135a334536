/** Strategies (A4), each compared with a scan of all members where more than a few could be selected. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Candidate } from "../../src/contract/strategy.ts";
import type { Credential } from "../../src/contract/credential.ts";
import type { PoolOptions } from "../../src/pool/pool.ts";
import {
  type Bench,
  createBench,
  credential,
  credentials,
  key,
  MINUTE,
  NOW,
  wanted,
} from "./fixtures.ts";

const RUNS = { numRuns: 150, seed: 20261125 };
const MAIN = { pool: "main", family: "m", model: "m" };

function picks(bench: Bench, count: number, now = NOW): string[] {
  return Array.from({ length: count }, () => bench.pick(now)!);
}
function countOf(ids: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    [...new Set(ids)].toSorted().map((id) => [id, ids.filter((it) => it === id).length]),
  );
}
function learn(bench: Bench, id: string, remaining: number, at = NOW, resetAt?: number): void {
  bench.pool.setQuota(id, MAIN, { remaining, resetAt, at }, at);
}

describe("weighted", () => {
  const weighted = (...weights: number[]): Bench =>
    createBench(
      weights.map((weight, at) => credential(`c${at + 1}`, { weight })),
      { strategy: "weighted" },
    );

  it("A4 gives each its share of a lap, spread over it", () => {
    expect(picks(weighted(5, 1, 2), 8).join(" ")).toBe("c1 c1 c1 c3 c1 c1 c2 c3");
    expect(countOf(picks(weighted(3, 1), 400))).toEqual({ c1: 300, c2: 100 });
  });

  it("A4 keeps the shares of the others while one is unavailable, and gives it its own again", () => {
    const bench = weighted(4, 2, 1);
    bench.close(key("c1"), MINUTE, NOW);
    expect(countOf(picks(bench, 300))).toEqual({ c2: 200, c3: 100 });
    expect(countOf(picks(bench, 700, NOW + MINUTE))).toEqual({ c1: 400, c2: 200, c3: 100 });
  });

  it("A4 A3 distributes any weights exactly, inside the best tier, among the eligible", () => {
    const member = fc.record({
      weight: fc.integer({ min: 1, max: 12 }),
      tier: fc.nat(1),
      isOut: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(member, { minLength: 1, maxLength: 40 }), (members) => {
        const pool = members.map(({ weight, tier }, at) => credential(`c${at}`, { weight, tier }));
        const bench = createBench(pool, { strategy: "weighted" });
        members.forEach(({ isOut }, at) => isOut && bench.close(key(`c${at}`), MINUTE, NOW));
        const open = pool.filter((_, at) => !members[at]!.isOut);
        const best = Math.min(...open.map(({ tier }) => tier));
        const shares = open.filter(({ tier }) => tier === best);
        const lap = shares.reduce((sum, { weight }) => sum + weight, 0);
        if (lap === 0) return void expect(bench.pick(NOW)).toBeUndefined();
        expect(countOf(picks(bench, 3 * lap))).toEqual(
          Object.fromEntries(shares.map(({ id, weight }) => [id, 3 * weight]).toSorted()),
        );
      }),
      RUNS,
    );
  });
});

describe("least in flight", () => {
  it("A4 selects one with the fewest requests in flight, whatever came before", () => {
    const op = fc.oneof(
      { weight: 3, arbitrary: fc.constant("take" as const) },
      { weight: 2, arbitrary: fc.nat(60) },
    );
    const cap = fc.constantFrom(Infinity, Infinity, 3);
    fc.assert(
      fc.property(
        fc.array(cap, { minLength: 1, maxLength: 70 }),
        fc.array(op, { maxLength: 200 }),
        (caps, ops) => {
          const pool = caps.map((maxInFlight, at) => credential(`c${at}`, { maxInFlight }));
          const bench = createBench(pool, { strategy: "least-in-flight" });
          bench.close(key("c0"), MINUTE, NOW);
          const taken: string[] = [];
          for (const one of ops) {
            if (one !== "take") {
              const [id] = taken.splice(one % Math.max(1, taken.length), 1);
              if (id) bench.pool.release(id);
              continue;
            }
            const loads = pool
              .slice(1)
              .map(({ id, maxInFlight }) => ({ load: bench.pool.inFlight(id), maxInFlight }))
              .filter(({ load, maxInFlight }) => load < maxInFlight);
            const before = new Map(pool.map(({ id }) => [id, bench.pool.inFlight(id)]));
            const chosen = bench.pool.take(wanted(), NOW);
            if (loads.length === 0) expect(chosen).toBeUndefined();
            else expect(before.get(chosen!.id)).toBe(Math.min(...loads.map(({ load }) => load)));
            if (chosen) taken.push(chosen.id);
          }
        },
      ),
      RUNS,
    );
  });

  it("A4 uses round robin among equals", () => {
    expect(picks(createBench(credentials(3), { strategy: "least-in-flight" }), 6)).toEqual(
      "c1 c2 c3 c1 c2 c3".split(" "),
    );
  });
});

describe("by quota", () => {
  const start = (count: number, more: Partial<PoolOptions> = {}): Bench =>
    createBench(credentials(count), { strategy: "quota", ...more });

  it("A4 selects the one with most left, in steps of a tenth, round robin among equals; unknown counts as half", () => {
    const bench = start(4);
    learn(bench, "c2", 0.93);
    learn(bench, "c4", 0.98);
    learn(bench, "c1", 0.49);
    expect(picks(bench, 4)).toEqual(["c2", "c4", "c2", "c4"]);
    learn(bench, "c2", 0.1);
    learn(bench, "c4", 0.1);
    expect(picks(bench, 2)).toEqual(["c3", "c3"]);
    bench.close(key("c3"), MINUTE, NOW);
    expect(picks(bench, 2)).toEqual(["c1", "c1"]);
  });

  it("A4 A9 ignores a value that is older than five minutes, or whose window has ended", () => {
    const bench = start(2);
    learn(bench, "c2", 0.9);
    learn(bench, "c1", 0.9, NOW, NOW + 1_000);
    expect(picks(bench, 2, NOW + 999)).toEqual(["c1", "c2"]);
    expect(picks(bench, 2, NOW + 1_000)).toEqual(["c2", "c2"]);
    expect(new Set(picks(bench, 2, NOW + 5 * MINUTE)).size).toBe(2);
  });

  it("A4 prefers the value of a family to the value of the credential", () => {
    const bench = start(2);
    bench.pool.setQuota(
      "c1",
      { pool: "*", family: "*", model: "*" },
      { remaining: 0.9, resetAt: undefined, at: NOW },
      NOW,
    );
    expect(picks(bench, 2)).toEqual(["c1", "c1"]);
    learn(bench, "c1", 0.2);
    expect(picks(bench, 2)).toEqual(["c2", "c2"]);
    expect(bench.pick(NOW, wanted("other"))).toBe("c1");
  });

  it("A4 selects the best of all eligible, whatever is known and closed", () => {
    const left = fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined });
    const member = fc.record({ left, wide: left, isOut: fc.boolean() });
    fc.assert(
      fc.property(fc.array(member, { minLength: 1, maxLength: 80 }), (members) => {
        const bench = createBench(
          members.map((_, at) => credential(`c${at}`)),
          { strategy: "quota" },
        );
        const tell = (at: number, family: string, percent: number | undefined): void => {
          const pool = family === "*" ? "*" : "main";
          const reading = { remaining: (percent ?? 0) / 100, resetAt: undefined, at: NOW };
          if (percent !== undefined)
            bench.pool.setQuota(`c${at}`, { pool, family, model: family }, reading, NOW);
        };
        members.forEach(({ left, wide, isOut }, at) => {
          if (at % 2) tell(at, "*", wide);
          tell(at, "m", left);
          if (!(at % 2)) tell(at, "*", wide);
          if (isOut) bench.close(key(`c${at}`), MINUTE, NOW);
        });
        const levels = members.map(({ left, wide, isOut }) =>
          isOut ? -1 : Math.min(9, Math.floor((left ?? wide ?? 50) / 10)),
        );
        const chosen = bench.pick(NOW);
        if (Math.max(...levels) < 0) expect(chosen).toBeUndefined();
        else expect(levels[Number(chosen!.slice(1))]).toBe(Math.max(...levels));
      }),
      RUNS,
    );
  });
});

describe("a function", () => {
  it("A4 selects among the eligible of the best tier, and gets the data it needs", () => {
    const seen: (readonly Candidate[])[] = [];
    const requests: unknown[] = [];
    const pool = [...credentials(3, { weight: 2 }), credential("spare", { tier: 2 })];
    const bench = createBench(pool, {
      strategy: (candidates, request) => {
        seen.push(candidates);
        requests.push(request);
        return candidates.at(-1)!.id;
      },
    });
    bench.close(key("c2"), MINUTE, NOW);
    learn(bench, "c3", 0.4);
    expect(bench.pool.take(wanted("m", { session: "s" }), NOW)?.id).toBe("c3");
    expect(bench.pick(NOW)).toBe("c3");
    expect(seen[0]!.map(({ id, remaining, weight }) => [id, remaining, weight])).toEqual([
      ["c1", undefined, 2],
      ["c3", 0.4, 2],
    ]);
    expect(seen[1]!.find(({ id }) => id === "c3")!.inFlight).toBe(1);
    expect(requests[0]).toEqual({ model: "m", pool: "main", session: "s" });
  });

  it.each<[string, () => string | undefined, number]>([
    [
      "throws",
      () => {
        throw new Error("no");
      },
      1,
    ],
    ["names no eligible candidate", () => "c2", 1],
    ["leaves it to the turn", () => undefined, 0],
  ])("A4 uses round robin where it %s", (_name, strategy, faults) => {
    const told: unknown[] = [];
    const bench = createBench(credentials(3), { strategy, onFault: (error) => told.push(error) });
    bench.close(key("c2"), MINUTE, NOW);
    expect(picks(bench, 2)).toEqual(["c1", "c3"]);
    expect(told).toHaveLength(2 * faults);
  });

  it("A15 gets at most a thousand candidates", () => {
    let most = 0;
    const bench = createBench(credentials(5_000), {
      strategy: (them) => void (most = them.length),
    });
    bench.pick(NOW);
    expect(most).toBe(1_000);
  });
});

describe("a preferred credential", () => {
  it("A8 is used while possible, others otherwise, and then it again; each change is reported once", () => {
    const told: boolean[] = [];
    const preferred = { id: "c2", strict: false, onChange: (isUsed: boolean) => told.push(isUsed) };
    const bench = createBench(credentials(3), { preferred });
    expect(picks(bench, 3)).toEqual(["c2", "c2", "c2"]);
    bench.close(key("c2"), MINUTE, NOW);
    expect(new Set(picks(bench, 4))).toEqual(new Set(["c1", "c3"]));
    expect(picks(bench, 2, NOW + MINUTE)).toEqual(["c2", "c2"]);
    expect(told).toEqual([false, true]);
  });

  it("A8 has priority over tiers and sessions, but not where it failed or does not serve the model", () => {
    const pool: Credential[] = [credential("a"), credential("b", { tier: 9, deny: ["x"] })];
    const bench = createBench(pool, { preferred: { id: "b", strict: false } });
    expect(bench.pick(NOW, wanted("m", { session: "s" }))).toBe("b");
    expect(bench.pick(NOW, wanted("m", { excluded: ["b"] }))).toBe("a");
    expect(bench.pick(NOW, wanted("x"))).toBe("a");
  });

  it("A8 is the only one used where it is strict", () => {
    const bench = createBench(credentials(3), { preferred: { id: "c2", strict: true } });
    bench.close(key("c2"), MINUTE, NOW);
    expect(bench.pick(NOW)).toBeUndefined();
    expect(bench.pool.blocked(wanted(), NOW)).toMatchObject({
      why: "cooling",
      until: NOW + MINUTE,
    });
    expect(bench.pool.isOnly("c2", wanted().target)).toBe(true);
    expect(bench.pick(NOW + MINUTE)).toBe("c2");
  });
});

describe("a reuse window", () => {
  it("A7 keeps calls without a session on one credential until they are further apart", () => {
    const bench = createBench(credentials(3), { reuseWindow: MINUTE });
    const at = [0, 59_999, 119_998, 179_998, 179_999].map((ms) => bench.pick(NOW + ms));
    expect(at).toEqual(["c1", "c1", "c1", "c2", "c2"]);
  });

  it("A7 A6 does not affect sessions, and ends where the credential is limited", () => {
    const bench = createBench(credentials(3), { reuseWindow: MINUTE });
    expect(bench.pick(NOW)).toBe("c1");
    expect(bench.pick(NOW, wanted("m", { session: "s" }))).toBe("c2");
    bench.close(key("c1"), MINUTE, NOW);
    expect(picks(bench, 2, NOW)).toEqual(["c3", "c3"]);
  });
});

describe("a session in the mode cache-first", () => {
  const session = wanted("m", { session: "s" });
  const start = (): Bench => {
    const bench = createBench(credentials(2), { cacheWait: MINUTE });
    expect(bench.pick(NOW, session)).toBe("c1");
    return bench;
  };

  it("A5 waits for its own credential where that opens within a minute", () => {
    const bench = start();
    bench.close(key("c1"), MINUTE, NOW);
    expect(bench.pick(NOW, session)).toBeUndefined();
    expect(bench.pool.blocked(session, NOW)).toMatchObject({ why: "held", until: NOW + MINUTE });
    expect(bench.pick(NOW)).toBe("c2");
    expect(bench.pick(NOW + MINUTE, session)).toBe("c1");
  });

  it("A5 switches where it takes longer, or for ever", () => {
    const bench = start();
    bench.close(key("c1"), MINUTE + 1, NOW);
    expect(bench.pick(NOW, session)).toBe("c2");
    const other = start();
    other.pool.setDisabled("c1", true);
    expect(other.pick(NOW, session)).toBe("c2");
  });
});

describe("quota protection", () => {
  const start = (): Bench =>
    createBench(credentials(2), { isProtected: (model, left) => model !== "free" && left < 0.1 });

  it("A9 skips a model on the credential with too little left, until it recovers", () => {
    const bench = start();
    learn(bench, "c1", 0.09);
    expect(picks(bench, 2)).toEqual(["c2", "c2"]);
    expect(bench.pick(NOW, wanted("other"))).toBe("c1");
    learn(bench, "c1", 0.1);
    expect(new Set(picks(bench, 2))).toEqual(new Set(["c1", "c2"]));
  });

  it("A9 ignores an old value, and one whose window has ended", () => {
    const bench = start();
    learn(bench, "c1", 0);
    learn(bench, "c2", 0, NOW, NOW + MINUTE);
    expect(bench.pool.blocked(wanted(), NOW)).toMatchObject({
      why: "protected",
      until: NOW + MINUTE,
    });
    expect(picks(bench, 1, NOW + MINUTE)).toEqual(["c2"]);
    expect(new Set(picks(bench, 2, NOW + 5 * MINUTE)).size).toBe(2);
  });

  it("A9 D4 does not change the end of a cooldown", () => {
    const bench = start();
    bench.close(key("c1"), MINUTE, NOW);
    learn(bench, "c1", 0.01, NOW, NOW + 1_000);
    learn(bench, "c2", 0.01);
    expect(bench.pick(NOW + 1_000)).toBeUndefined();
    expect(bench.pool.blocked(wanted(), NOW + 1_000)).toMatchObject({
      why: "cooling",
      until: NOW + MINUTE,
    });
    learn(bench, "c1", 0.9, NOW + 1_000);
    expect(bench.pick(NOW + 1_000)).toBeUndefined();
    expect(bench.pick(NOW + MINUTE)).toBe("c1");
  });
});
