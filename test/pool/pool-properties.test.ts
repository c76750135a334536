/** Random pools with random histories, compared with a scan of all members. */
import type { Credential, Key } from "../../src/contract/credential.ts";
import type { Wanted } from "../../src/pool/selection.ts";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Bench, createBench, credential, key, NOW, targetOf } from "./fixtures.ts";

const MODELS = ["a", "b", "c-1", "c-2"];
const POOLS = ["main", "spare"];
const RUNS = { numRuns: 300, seed: 20260101 };

type Op =
  | { do: "take"; model: string; pool: string; session?: string; excluded: number[] }
  | { do: "release"; nth: number }
  | { do: "close"; who: number; level: number; model: string; pool: string; wait: number }
  | { do: "open" | "succeed"; who: number; level: number; model: string; pool: string }
  | { do: "disable" | "enable"; who: number }
  | { do: "later"; by: number }
  | { do: "prune" };

const model = fc.constantFrom(...MODELS);
const pool = fc.constantFrom(...POOLS, "main", "main");
const who = fc.nat(200);
const level = fc.nat(3);
const opArb: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("take" as const),
      model,
      pool,
      session: fc.option(fc.constantFrom("s", "t"), { nil: undefined }),
      excluded: fc.array(who, { maxLength: 2 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("release" as const), nth: fc.nat(50) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("close" as const),
      who,
      level,
      model,
      pool,
      wait: fc.integer({ min: 1, max: 90_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("open" as const, "succeed" as const),
      who,
      level,
      model,
      pool,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("disable" as const, "enable" as const), who }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("later" as const),
      by: fc.constantFrom(0, 1, 500, 2_000, 10_000, 60_000, 4_000_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("prune" as const) }) },
);

const LISTS: Partial<Credential>[] = [
  {},
  {},
  {},
  { allow: ["a", "c-*"] },
  { deny: ["C*"] },
  { allow: ["b"], deny: ["b"] },
];
const memberArb = fc.record({
  tier: fc.integer({ min: 0, max: 2 }),
  list: fc.nat(LISTS.length - 1),
  cap: fc.constantFrom(Infinity, Infinity, 1, 2),
});
/** Small pools, and some large enough for several words and levels of the sets. */
const membersArb = fc
  .oneof(
    { weight: 3, arbitrary: fc.array(memberArb, { maxLength: 8 }) },
    { weight: 1, arbitrary: fc.array(memberArb, { minLength: 60, maxLength: 150, size: "max" }) },
  )
  .map((members) =>
    members.map(({ tier, list, cap }, at) =>
      credential(`c${at}`, { tier, maxInFlight: cap, ...LISTS[list] }),
    ),
  );

/** The expected result, found by examining all members. */
class Scan {
  readonly disabled = new Set<string>();
  readonly taken: string[] = [];
  readonly #members: readonly Credential[];
  readonly #bench: Bench;

  constructor(members: readonly Credential[], bench: Bench) {
    this.#members = members;
    this.#bench = bench;
  }

  serves({ allow, deny }: Credential, model: string): boolean {
    const fits = (patterns: readonly string[]) =>
      patterns.some((one) => new RegExp(`^${one.replace("*", ".*")}$`, "i").test(model));
    return !(deny && fits(deny)) && (!allow || fits(allow));
  }

  until(id: string, { model, pool }: Wanted["target"], now: number): number {
    const { cooldowns } = this.#bench;
    const keys = [key(id, model, pool), key(id, "*")];
    return Math.max(0, ...keys.map((it) => cooldowns.get(it)?.until ?? 0).filter((at) => at > now));
  }

  shared({ model, pool }: Wanted["target"], now: number): number {
    return this.until("*", targetOf(model, pool), now);
  }

  candidates({ model }: Wanted["target"]): Credential[] {
    return this.#members.filter((it) => !this.disabled.has(it.id) && this.serves(it, model));
  }

  isAtCap({ id, maxInFlight }: Credential): boolean {
    return this.taken.filter((it) => it === id).length >= maxInFlight;
  }

  eligible({ target, excluded }: Wanted, now: number): Credential[] {
    if (this.shared(target, now) > 0) return [];
    return this.candidates(target).filter(
      (it) =>
        !excluded.includes(it.id) && !this.isAtCap(it) && this.until(it.id, target, now) === 0,
    );
  }

  /** The eligible members of the best tier. */
  best(wanted: Wanted, now: number): Credential[] {
    const eligible = this.eligible(wanted, now);
    const tier = Math.min(...eligible.map((it) => it.tier));
    return eligible.filter((it) => it.tier === tier);
  }

  /** When the first may be used again; `Infinity` where time alone does not decide. */
  opening({ target, excluded }: Wanted, now: number): number {
    const shared = this.shared(target, now);
    const free = this.candidates(target).filter(
      (it) => this.until(it.id, target, now) === 0 && !excluded.includes(it.id),
    );
    const closed = this.candidates(target)
      .map((it) => this.until(it.id, target, now))
      .filter((at) => at > 0);
    if (shared > 0 && (free.length > 0 || closed.length === 0)) return shared;
    return Math.max(shared, Math.min(...closed));
  }
}

function keyAt(
  members: readonly Credential[],
  { who, level, model, pool }: { who: number; level: number; model: string; pool: string },
): Key | undefined {
  const id = level < 2 ? members[who % Math.max(1, members.length)]?.id : "*";
  return id === undefined ? undefined : key(id, level % 2 === 0 ? model : "*", pool);
}

function run(
  members: readonly Credential[],
  ops: readonly Op[],
  check: (bench: Bench, scan: Scan, wanted: Wanted, now: number) => void,
): void {
  const bench = createBench(members);
  const scan = new Scan(members, bench);
  let now = NOW;
  const idOf = (who: number): string => members[who % Math.max(1, members.length)]?.id ?? "nobody";
  for (const op of ops) {
    if (op.do === "later") now += op.by;
    else if (op.do === "prune") {
      bench.cooldowns.prune(now);
      bench.pool.prune(now);
    } else if (op.do === "disable" || op.do === "enable") {
      const id = idOf(op.who);
      if (op.do === "disable") scan.disabled.add(id);
      else scan.disabled.delete(id);
      bench.pool.setDisabled(id, op.do === "disable");
    } else if (op.do === "release") {
      const [id] = scan.taken.splice(op.nth % Math.max(1, scan.taken.length), 1);
      if (id !== undefined) bench.pool.release(id);
    } else if (op.do === "take") {
      const excluded = op.excluded.map(idOf);
      check(
        bench,
        scan,
        { target: targetOf(op.model, op.pool), session: op.session, excluded },
        now,
      );
    } else if ("level" in op) {
      const it = keyAt(members, op);
      if (!it) continue;
      if (op.do === "close") bench.close(it, op.wait, now, { sentAt: now });
      else if (op.do === "open") bench.open(it, now);
      else if (bench.cooldowns.succeed(it, now, now)) bench.pool.changed(it, now);
    }
  }
}

const history = fc.array(opArb, { maxLength: 120, size: "max" });

it("A3 A10 A11 A13 D3 D4 F5 selects exactly from the members that a scan finds eligible, best tier first", () => {
  fc.assert(
    fc.property(membersArb, history, (members, ops) => {
      run(members, ops, ({ pool }, scan, wanted, now) => {
        const best = scan.best(wanted, now).map(({ id }) => id);
        const eligible = scan.eligible(wanted, now).map(({ id }) => id);
        expect(pool.hasAny(wanted, now)).toBe(eligible.length > 0);
        const chosen = pool.take(wanted, now);
        if (chosen) scan.taken.push(chosen.id);
        // A session keeps its credential, whatever the tier.
        const allowed = wanted.session === undefined ? best : eligible;
        if (allowed.length === 0) expect(chosen).toBeUndefined();
        else expect(allowed).toContain(chosen?.id);
      });
    }),
    RUNS,
  );
});

it("D4 E2 E3 knows to the ms when the first of a blocked pool opens, and why it is blocked", () => {
  fc.assert(
    fc.property(membersArb, history, (members, ops) => {
      run(members, ops, ({ pool, cooldowns }, scan, wanted, now) => {
        const { target, excluded } = wanted;
        const chosen = pool.take(wanted, now);
        if (chosen) return void scan.taken.push(chosen.id);
        const { why, until, key } = pool.blocked(wanted, now);
        const candidates = scan.candidates(target);
        if (candidates.length === 0) return expect(why).toBe("empty");
        expect(until).toBe(scan.opening(wanted, now));
        if (key && why === "cooling") expect(cooldowns.get(key)?.until).toBe(until);
        const isBusy = candidates.some(
          (it) => !excluded.includes(it.id) && scan.until(it.id, target, now) === 0,
        );
        if (isBusy && scan.shared(target, now) === 0) expect(why).toBe("busy");
        else if (
          candidates.every(({ id }) => excluded.includes(id) && scan.until(id, target, now) === 0)
        )
          expect(why).toBe("spent");
        else expect(why).toBe("cooling");
        return undefined;
      });
    }),
    RUNS,
  );
});

it("A2 distributes evenly and in order among the eligible, whatever happened before", () => {
  fc.assert(
    fc.property(membersArb, history, (members, ops) => {
      run(members, ops, ({ pool, pick }, scan, { target }, now) => {
        const wanted = { target, session: undefined, excluded: [] };
        const best = scan.best(wanted, now).map(({ id }) => id);
        const dealt = best.map(() => pick(now, wanted));
        expect([...dealt].toSorted()).toEqual([...best].toSorted());
        // In the configured order, from the current position of the rotation.
        const at = best.indexOf(dealt[0] ?? "");
        expect(dealt).toEqual([...best.slice(at), ...best.slice(0, Math.max(0, at))]);
        const chosen = pool.take(wanted, now);
        if (chosen) scan.taken.push(chosen.id);
      });
    }),
    RUNS,
  );
});

it("D7 E9 answers the questions between attempts as a scan does", () => {
  fc.assert(
    fc.property(membersArb, history, (members, ops) => {
      run(members, ops, ({ pool }, scan, wanted, now) => {
        const { target } = wanted;
        for (const { id } of members.slice(0, 5)) {
          const others = scan.candidates(target).filter((it) => it.id !== id);
          expect(pool.isOnly(id, target)).toBe(others.length === 0);
          const isClosed =
            scan.disabled.has(id) ||
            scan.shared(target, now) > 0 ||
            scan.until(id, target, now) > 0;
          expect(pool.isOpen(id, target, now)).toBe(!isClosed);
        }
        const chosen = pool.take(wanted, now);
        if (chosen) scan.taken.push(chosen.id);
      });
    }),
    RUNS,
  );
});
