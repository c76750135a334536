import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Key } from "../../src/contract/credential.ts";
import { type Admission, Cooldowns } from "../../src/cooldowns/cooldowns.ts";

const NOW = Date.UTC(2026, 0, 1);
const key: Key = { credential: "a", upstream: "up", pool: "main", family: "m" };
const target = { upstream: "up", pool: "main", family: "m" };
const RUNS = { numRuns: 500, seed: 20260101 };

/** One key, closed by a refusal that took `took` ms; the upstream stated `hint` ms, or nothing. */
function createKey(hint: number | null, took = 0): Bench {
  const table = new Cooldowns();
  let now = NOW;
  const refuse = (sentAt: number, wait = hint): void => {
    const ladder = (): number => 60_000;
    table.refuse({ key, reason: "QUOTA_EXHAUSTED", hint: wait, ladder, sentAt }, now);
  };
  refuse(now - took);
  const isOpen = (): boolean => table.until("a", "main", "m", now) === 0;
  const admit = (): Admission | undefined =>
    isOpen() ? table.beginProbes("a", target, now)[0] : undefined;
  return {
    table,
    refuse: (sentAt) => refuse(sentAt),
    isOpen,
    now: () => now,
    pass: (ms) => void (now += ms),
    admit,
    admitAll(most = 1_000) {
      const admitted: Admission[] = [];
      while (isOpen() && admitted.length < most) {
        const one = admit();
        if (!one) return Array.from({ length: most }, () => admitted[0]!);
        admitted.push(one);
      }
      return admitted;
    },
    serve(it) {
      table.succeed(key, now, now);
      table.settle(it, true, now);
    },
    leave: (it) => void table.settle(it, false, now),
  };
}

interface Bench {
  table: Cooldowns;
  refuse(sentAt: number): void;
  isOpen(): boolean;
  now(): number;
  pass(ms: number): void;
  /** Takes a place; `undefined` when the key is closed, or is not paced. */
  admit(): Admission | undefined;
  /** Takes all places; `most` when the key is not paced. */
  admitAll(most?: number): Admission[];
  serve(it: Admission): void;
  leave(it: Admission): void;
}

describe.each([
  ["stated", 5_000],
  ["chosen by the relay", null],
] as const)("F8 after a window that was %s", (_name, hint) => {
  const reopen = (took = 0): Bench => {
    const bench = createKey(hint, took);
    bench.pass(hint ?? 60_000);
    return bench;
  };

  it("admits one request, then twice as many with each wave that was served", () => {
    const bench = reopen();
    for (const size of [1, 2, 4, 8, 16]) {
      const wave = bench.admitAll();
      expect(wave).toHaveLength(size);
      for (const it of wave) bench.serve(it);
    }
  });

  it("admits none of the next wave before the whole wave was served", () => {
    const bench = reopen();
    bench.serve(bench.admit()!);
    const [first, second] = bench.admitAll();
    bench.serve(first!);
    expect(bench.isOpen()).toBe(false);
    bench.serve(second!);
    expect(bench.admitAll()).toHaveLength(4);
  });

  it("closes again with a refusal, and stops the rest", () => {
    const bench = reopen();
    bench.serve(bench.admit()!);
    const wave = bench.admitAll();
    bench.refuse(bench.now());
    expect(bench.isOpen()).toBe(false);
    bench.serve(wave[0]!);
    bench.leave(wave[1]!);
    expect(bench.isOpen()).toBe(false);
    bench.pass(hint ?? 60_000);
    expect(bench.admitAll()).toHaveLength(1);
  });

  it("ends 5 s after the last refusal", () => {
    const bench = reopen();
    bench.serve(bench.admit()!);
    bench.pass(4_999);
    expect(bench.admitAll()).toHaveLength(2);
    bench.pass(1);
    expect(bench.admitAll(50)).toHaveLength(50);
  });

  it("gives the place of a request that has left to another", () => {
    const bench = reopen();
    for (let nth = 0; nth < 10; nth++) {
      const [only, ...others] = bench.admitAll();
      expect(others).toEqual([]);
      bench.leave(only!);
    }
  });
});

describe("F8 without answers", () => {
  it("doubles each second while no refusal comes", () => {
    const bench = createKey(5_000);
    bench.pass(5_000);
    for (const size of [1, 2, 4, 8, 16]) {
      expect(bench.admitAll()).toHaveLength(size);
      bench.pass(999);
      expect(bench.isOpen()).toBe(false);
      bench.pass(1);
    }
    expect(bench.admitAll(50)).toHaveLength(50);
  });

  it("waits twice the usual time of a refusal where that is longer than a second", () => {
    const bench = createKey(5_000, 4_000);
    bench.pass(5_000);
    expect(bench.admitAll()).toHaveLength(1);
    bench.pass(7_999);
    expect(bench.isOpen()).toBe(false);
    bench.pass(1);
    expect(bench.isOpen()).toBe(true);
  });

  it("a late success of the first wave admits no more than its own place", () => {
    const bench = createKey(5_000);
    bench.pass(5_000);
    const late = bench.admit()!;
    bench.pass(1_000);
    const [first, second] = bench.admitAll();
    bench.serve(late);
    expect(bench.isOpen()).toBe(false);
    bench.serve(first!);
    expect(bench.isOpen()).toBe(false);
    bench.serve(second!);
    expect(bench.admitAll()).toHaveLength(4);
  });

  it("a request of the time before the last refusal gives no place back", () => {
    const bench = createKey(2_000);
    bench.pass(2_000);
    bench.serve(bench.admit()!);
    const [refused, late] = bench.admitAll();
    bench.refuse(bench.now());
    bench.leave(refused!);
    bench.pass(2_000);
    expect(bench.admitAll()).toHaveLength(1);
    bench.leave(late!);
    expect(bench.isOpen()).toBe(false);
  });

  it("F4 admits one more probe each minute after a window that the relay has chosen", () => {
    const bench = createKey(null);
    bench.pass(60_000);
    for (let nth = 0; nth < 4; nth++) {
      expect(bench.admitAll()).toHaveLength(1);
      bench.pass(59_999);
      expect(bench.isOpen()).toBe(false);
      bench.pass(1);
    }
  });

  it("F4 a probe that succeeds after more than a minute opens the key", () => {
    const bench = createKey(null);
    bench.pass(60_000);
    const first = bench.admit()!;
    bench.pass(60_000);
    bench.admit();
    bench.pass(10_000);
    bench.serve(first);
    expect(bench.admitAll()).toHaveLength(2);
  });

  it("C4 trusts a stated wait after which requests were not refused at once", () => {
    const bench = createKey(5_000);
    bench.pass(5_000);
    bench.admitAll();
    bench.pass(1_000);
    bench.admitAll();
    bench.refuse(bench.now());
    expect(bench.table.get(key)).toMatchObject({ stated: true, until: bench.now() + 5_000 });
  });
});

it("F8 does not pace a key whose window has ended more than 5 s ago", () => {
  const bench = createKey(5_000);
  bench.pass(10_000);
  expect(bench.admitAll(50)).toHaveLength(50);
});

it("F8 an operator who opens a key opens it for all", () => {
  const bench = createKey(5_000);
  bench.table.clear(key, bench.now());
  expect(bench.admitAll(50)).toHaveLength(50);
});

it("F8 a success inside a window opens the key for two", () => {
  const bench = createKey(60_000);
  bench.pass(1_000);
  bench.table.succeed(key, bench.now(), bench.now());
  expect(bench.admitAll()).toHaveLength(2);
});

it("F8 is refused no more often than served, whatever the limit: less than a wave beyond it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 300 }), (limit) => {
      const bench = createKey(5_000);
      let [served, refused] = [0, 0];
      for (let window = 0; window < 6; window++) {
        bench.pass(5_000);
        let left = limit;
        for (let isRefused = false; !isRefused;) {
          const wave = bench.admitAll();
          const sentAt = bench.now();
          for (const it of wave) {
            if (left-- > 0) {
              bench.serve(it);
              served++;
            } else {
              bench.refuse(sentAt);
              bench.leave(it);
              isRefused = true;
              refused++;
            }
          }
        }
      }
      expect(refused).toBeLessThanOrEqual(served);
      expect(served).toBe(6 * limit);
    }),
    { ...RUNS, numRuns: 100 },
  );
});

type Op = { do: "admit" | "serve" | "leave" | "refuse"; nth: number } | { do: "pass"; by: number };

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("admit" as const), nth: fc.nat(20) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("serve" as const, "leave" as const, "refuse" as const),
      nth: fc.nat(20),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), by: fc.nat(8_000) }) },
);

it("F8 never blocks for ever: without refusals a key is open within its step, and all go 5 s later", () => {
  fc.assert(
    fc.property(
      fc.array(op, { maxLength: 80 }),
      fc.constantFrom(5_000, 1_000, null),
      fc.constantFrom(0, 300, 4_000),
      (ops, hint, took) => {
        const bench = createKey(hint, took);
        const open: { it: Admission; sentAt: number }[] = [];
        for (const one of ops) {
          if (one.do === "pass") bench.pass(one.by);
          else if (one.do === "admit") {
            const it = bench.admit();
            if (it) open.push({ it, sentAt: bench.now() });
          } else if (open.length > 0) {
            const [{ it, sentAt }] = open.splice(one.nth % open.length, 1) as [(typeof open)[0]];
            if (one.do === "serve") bench.serve(it);
            else {
              if (one.do === "refuse") bench.refuse(sentAt);
              bench.leave(it);
            }
          }
        }
        // Every request has ended, and the cooldown, if there is one, is over.
        for (const { it } of open) bench.leave(it);
        const { until = 0 } = bench.table.get(key) ?? {};
        bench.pass(Math.max(0, until - bench.now()));
        if (!bench.isOpen()) bench.pass(60_000);
        expect(bench.isOpen()).toBe(true);
        for (let nth = 0; nth < 3; nth++) {
          const it = bench.admit();
          if (it) bench.serve(it);
          expect(bench.isOpen()).toBe(true);
        }
        bench.pass(10_000);
        expect(bench.admitAll(500)).toHaveLength(500);
      },
    ),
    RUNS,
  );
});
