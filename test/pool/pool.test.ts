import { describe, expect, it } from "vitest";
import type { Credential } from "../../src/contract/credential.ts";
import {
  createBench,
  credential,
  credentials,
  HOUR,
  key,
  MINUTE,
  NOW,
  targetOf,
  wanted,
} from "./fixtures.ts";

/** Numbers of a seeded generator (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("rotation", () => {
  it("A2 gives three credentials three of nine calls each, in order", () => {
    const { pick } = createBench(credentials(3));
    const picked = Array.from({ length: 9 }, () => pick(NOW));
    expect(picked.join(" ")).toBe("c1 c2 c3 c1 c2 c3 c1 c2 c3");
  });

  it("A2 advances after every k calls where configured", () => {
    const { pick } = createBench(credentials(2), { rotateEvery: 100 });
    const picked = Array.from({ length: 201 }, () => pick(NOW));
    expect(new Set(picked.slice(0, 100))).toEqual(new Set(["c1"]));
    expect(new Set(picked.slice(100, 200))).toEqual(new Set(["c2"]));
    expect(picked[200]).toBe("c1");
  });

  it("A2 distributes each of two models evenly while they cool down on different credentials", () => {
    const { pick, close } = createBench(credentials(4));
    for (const id of ["c3", "c4"]) close(key(id, "a"), HOUR, NOW);
    for (const id of ["c1", "c2"]) close(key(id, "b"), HOUR, NOW);
    const picked = Array.from({ length: 8 }, (_, at) => pick(NOW, wanted(at % 2 ? "a" : "b")));
    expect(picked.join(" ")).toBe("c3 c1 c4 c2 c3 c1 c4 c2");
  });

  it("A2 A10 distributes each of two models evenly where different credentials serve them", () => {
    const members = credentials(4).map((it, at) => ({ ...it, allow: [at < 2 ? "a" : "b"] }));
    const { pick } = createBench(members);
    const picked = Array.from({ length: 8 }, (_, at) => pick(NOW, wanted(at % 2 ? "a" : "b")));
    expect(picked.join(" ")).toBe("c3 c1 c4 c2 c3 c1 c4 c2");
  });

  it("A12 starts at a different position in each of 100 new instances, evenly", () => {
    const counts = new Map<string, number>();
    const random = seeded(12);
    for (let instance = 0; instance < 100; instance++) {
      const { pick } = createBench(credentials(5), { random });
      const first = pick(NOW)!;
      counts.set(first, (counts.get(first) ?? 0) + 1);
    }
    expect(counts.size).toBe(5);
    for (const count of counts.values()) expect(count).toBeGreaterThanOrEqual(10);
  });
});

describe("tiers", () => {
  const tiered = [
    credential("free", { tier: 3 }),
    credential("pro", { tier: 2 }),
    credential("best", { tier: 1 }),
  ];

  it("A3 serves from the better tier, falls back for the limited model only, and returns at the ms at which it opens", () => {
    const { pick, close } = createBench(tiered);
    close(key("best"), MINUTE, NOW);
    expect(pick(NOW)).toBe("pro");
    expect(pick(NOW, wanted("other"))).toBe("best");
    expect(pick(NOW + MINUTE - 1)).toBe("pro");
    expect(pick(NOW + MINUTE)).toBe("best");
  });

  it("A3 uses the lower tier when the better one has no credential for this model", () => {
    const { pick } = createBench([
      credential("best", { tier: 0, deny: ["m"] }),
      credential("free", { tier: 9 }),
    ]);
    expect(pick(NOW)).toBe("free");
    expect(pick(NOW, wanted("n"))).toBe("best");
  });

  it("A15 finds the best tier among 10,000 tiers of one", () => {
    const { pick, close } = createBench(
      Array.from({ length: 10_000 }, (_, tier) => credential(`t${tier}`, { tier })),
    );
    for (let tier = 0; tier < 9_999; tier++) close(key(`t${tier}`, "*"), HOUR, NOW);
    expect(pick(NOW)).toBe("t9999");
  });
});

describe("sessions", () => {
  const inSession = (model = "m", more = {}) => wanted(model, { session: "s", ...more });

  it("A6 keeps its credential, rebinds when that cools down, and stays with the new one", () => {
    const { pick, close } = createBench(credentials(3));
    expect([1, 2, 3].map(() => pick(NOW, inSession()))).toEqual(["c1", "c1", "c1"]);
    close(key("c1"), MINUTE, NOW);
    expect([1, 2].map(() => pick(NOW, inSession()))).toEqual(["c2", "c2"]);
    expect(pick(NOW + 2 * MINUTE, inSession())).toBe("c2");
  });

  it("A6 rebinds when its credential is disabled", () => {
    const { pick, pool } = createBench(credentials(2));
    pick(NOW, inSession());
    pool.setDisabled("c1", true);
    expect(pick(NOW, inSession())).toBe("c2");
    pool.setDisabled("c1", false);
    expect(pick(NOW, inSession())).toBe("c2");
  });

  it("A6 keeps its credential for one model while another model has one of its own", () => {
    const { pick } = createBench([
      credential("one", { deny: ["b"] }),
      credential("two"),
      credential("three"),
    ]);
    const picked = ["a", "b", "a", "b", "a", "b"].map((model) => pick(NOW, inSession(model)));
    expect(picked).toEqual(["one", "two", "one", "two", "one", "two"]);
  });

  it("A6 A13 returns to its credential when that was only busy", () => {
    const { pick, pool } = createBench(credentials(2, { maxInFlight: 1 }));
    expect(pool.take(inSession(), NOW)?.id).toBe("c1");
    expect(pick(NOW, inSession())).toBe("c2");
    pool.release("c1");
    expect(pick(NOW, inSession())).toBe("c1");
  });

  it("A6 A11 does not return the credential that failed in this request", () => {
    const { pick } = createBench(credentials(2));
    pick(NOW, inSession());
    expect(pick(NOW, inSession("m", { excluded: ["c1"] }))).toBe("c2");
    expect(pick(NOW, inSession())).toBe("c1");
  });

  it("A6 expires after an hour without use", () => {
    const { pick } = createBench(credentials(2));
    pick(NOW, inSession());
    expect(pick(NOW + HOUR, inSession())).toBe("c1");
    expect(pick(NOW + 2 * HOUR + 1, inSession())).toBe("c2");
  });
});

describe("slots", () => {
  it("A13 never exceeds the limit, and counts a release once", () => {
    const { pool } = createBench([credential("a", { maxInFlight: 2 })]);
    expect([1, 2, 3].map(() => pool.take(wanted(), NOW)?.id)).toEqual(["a", "a", undefined]);
    pool.release("a");
    expect(pool.inFlight("a")).toBe(1);
    for (let times = 0; times < 5; times++) pool.release("a");
    pool.release("nobody");
    expect(pool.inFlight("a")).toBe(0);
    expect(pool.inFlight("nobody")).toBe(0);
    expect([1, 2, 3].map(() => pool.take(wanted(), NOW)?.id)).toEqual(["a", "a", undefined]);
  });

  it("A13 keeps a slot taken through a cooldown and a disabling", () => {
    const { pool, close } = createBench([credential("a", { maxInFlight: 1 })]);
    pool.take(wanted(), NOW);
    close(key("a", "*"), MINUTE, NOW);
    pool.setDisabled("a", true);
    pool.setDisabled("a", false);
    expect(pool.take(wanted(), NOW + MINUTE)).toBeUndefined();
    pool.release("a");
    expect(pool.take(wanted(), NOW + MINUTE)?.id).toBe("a");
  });

  it("D7 lets a request use its credential again inside the cooldown that it caused itself, and inside no other", () => {
    const { pool, close } = createBench(credentials(1, { maxInFlight: 1 }));
    const met = close(key("c1"), MINUTE, NOW)!.openedAt;
    expect(pool.retake("c1", targetOf("m"), undefined, NOW + 1)).toBeUndefined();
    expect(pool.retake("c1", targetOf("m"), met, NOW + 1)?.id).toBe("c1");
    expect(pool.retake("c1", targetOf("m"), met, NOW + 1)).toBeUndefined();
    pool.release("c1");
    close(key("c1", "*"), MINUTE, NOW + 2);
    expect(pool.retake("c1", targetOf("m"), met, NOW + 3)).toBeUndefined();
    pool.setDisabled("c1", true);
    expect(pool.retake("c1", targetOf("m"), met, NOW + HOUR)).toBeUndefined();
  });
});

describe("no credential", () => {
  const why = (
    members: Credential[],
    prepare: (bench: ReturnType<typeof createBench>) => void,
    excluded: string[] = [],
  ) => {
    const bench = createBench(members);
    prepare(bench);
    const { why, until, key } = bench.pool.blocked(wanted("m", { excluded }), NOW);
    return [
      why,
      until === Infinity ? until : until - NOW,
      key && `${key.credential} ${key.family}`,
    ];
  };

  it("A14 distinguishes: an empty pool, all disabled, none for this model", () => {
    expect(why([], () => {})).toEqual(["empty", Infinity, undefined]);
    expect(
      why(credentials(2), ({ pool }) =>
        ["c1", "c2"].forEach((id) => pool.setDisabled(id, true)),
      )[0],
    ).toBe("empty");
    expect(why(credentials(2, { deny: ["m"] }), () => {})[0]).toBe("empty");
    expect(why([], ({ close }) => close(key("*", "*"), MINUTE, NOW))[0]).toBe("empty");
  });

  it("E3 names the shortest reset, and the level that decides it", () => {
    const members = credentials(2);
    const prepare = ({ close }: ReturnType<typeof createBench>): void => {
      close(key("c1"), 30_000, NOW);
      close(key("c1", "*"), 50_000, NOW);
      close(key("c2", "*"), 20_000, NOW);
      close(key("c2"), 40_000, NOW);
    };
    expect(why(members, prepare)).toEqual(["cooling", 40_000, "c2 m"]);
    expect(why(members.slice(0, 1), prepare)).toEqual(["cooling", 50_000, "c1 *"]);
  });

  it("D3 E3 names a shared limit by its own level, and what lies behind it where that lasts longer", () => {
    expect(why(credentials(2), ({ close }) => close(key("*", "*"), 15_000, NOW))).toEqual([
      "cooling",
      15_000,
      "* *",
    ]);
    const both = ({ close }: ReturnType<typeof createBench>): void => {
      close(key("*"), 15_000, NOW);
      close(key("c1"), 60_000, NOW);
    };
    expect(why(credentials(1), both)).toEqual(["cooling", 60_000, "c1 m"]);
    expect(why(credentials(2), both)).toEqual(["cooling", 15_000, "* m"]);
  });

  it("E2 A13 waits for a slot where only a concurrency limit holds a credential back, though another cools down for long", () => {
    const prepare = ({ pool, close }: ReturnType<typeof createBench>): void => {
      close(key("c2"), HOUR, NOW);
      pool.take(wanted(), NOW);
    };
    expect(why(credentials(2, { maxInFlight: 1 }), prepare)).toEqual(["busy", HOUR, "c2 m"]);
  });

  it("A11 is spent when all were tried and none cools down", () => {
    expect(why(credentials(2), () => {}, ["c1", "c2"])).toEqual(["spent", Infinity, undefined]);
    expect(why(credentials(2), ({ close }) => close(key("c1"), 9_000, NOW), ["c1", "c2"])[0]).toBe(
      "cooling",
    );
  });
});

describe("expiry", () => {
  it("D4 E4 reopens two models at exactly their own times, and a single credential with the shortest wait", () => {
    const { pick, close } = createBench(credentials(2));
    close(key("c1", "a"), 10_000, NOW);
    close(key("c1", "b"), 20_000, NOW);
    for (const model of ["a", "b"]) close(key("c2", model), HOUR, NOW);
    const open = (at: number) => ["a", "b"].map((model) => pick(NOW + at, wanted(model)));
    expect(open(9_999)).toEqual([undefined, undefined]);
    expect(open(10_000)).toEqual(["c1", undefined]);
    expect(open(19_999)).toEqual(["c1", undefined]);
    expect(open(20_000)).toEqual(["c1", "c1"]);
  });

  it("A1 K8 reads existing cooldowns when it is created anew, for the remaining credentials", () => {
    const before = createBench(credentials(3));
    before.close(key("c1"), MINUTE, NOW);
    before.close(key("c2"), MINUTE, NOW);
    before.close(key("c3", "*"), 2 * MINUTE, NOW);
    const { pool } = createBench(
      credentials(3).filter(({ id }) => id !== "c2"),
      { cooldowns: before.cooldowns },
    );
    expect(pool.blocked(wanted(), NOW)).toMatchObject({ why: "cooling", until: NOW + MINUTE });
    expect(pool.blocked(wanted(), NOW + MINUTE - 1).key?.credential).toBe("c1");
    expect(pool.take(wanted(), NOW + MINUTE)?.id).toBe("c1");
    expect(pool.isOpen("c3", targetOf("m"), NOW + MINUTE)).toBe(false);
  });
});

describe("growth", () => {
  it("K11 A15 keeps families only while something is closed for them, whatever names are used", () => {
    const { pool, close } = createBench(credentials(10));
    for (let at = 0; at < 20_000; at++) {
      close(key(`c${(at % 10) + 1}`, `made-up-${at}`), 2_000, NOW + at * 10, {
        reason: "NOT_FOUND",
      });
      pool.hasAny(wanted(`asked-${at}`), NOW + at * 10);
    }
    expect(pool.sizes.families).toBeLessThan(300);
    pool.prune(NOW + HOUR);
    expect(pool.sizes.families).toBe(0);
  });

  it("K11 A10 gives the same results when more models are used than are cached", () => {
    const { pick } = createBench([
      credential("one", { allow: ["even-*"] }),
      credential("two", { deny: ["even-*"] }),
    ]);
    for (let at = 0; at < 3_000; at++) {
      const isEven = at % 2 === 0;
      expect(pick(NOW, wanted(isEven ? `even-${at}` : `odd-${at}`))).toBe(isEven ? "one" : "two");
    }
  });
});
