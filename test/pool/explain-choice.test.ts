/** An explained selection: the explanation must match the selection (J4). */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { StrategyName } from "../../src/contract/strategy.ts";
import type { Explained } from "../../src/pool/explain-choice.ts";
import { createBench, credential, key, MINUTE, NOW, wanted } from "./fixtures.ts";

/** Replays a decision from its data only. */
function replay({ candidates }: Explained): string | undefined {
  return candidates.find(({ skipped }) => skipped === undefined)?.credential;
}

it("J4 names in advance the credential that is selected, and the next ones, for every strategy and history", () => {
  const member = fc.record({
    tier: fc.nat(2),
    weight: fc.integer({ min: 1, max: 4 }),
    cap: fc.constantFrom(Infinity, 1),
    state: fc.constantFrom("open", "open", "cooling", "wide", "disabled", "listed"),
  });
  const op = fc.record({
    session: fc.constantFrom(undefined, "s", "t"),
    keep: fc.boolean(),
    later: fc.nat(20_000),
  });
  const strategy = fc.constantFrom<StrategyName>(
    "round-robin",
    "weighted",
    "least-in-flight",
    "quota",
  );
  fc.assert(
    fc.property(
      strategy,
      fc.array(member, { minLength: 1, maxLength: 45 }),
      fc.array(op, { minLength: 1, maxLength: 25 }),
      (strategy, members, ops) => {
        const pool = members.map(({ tier, weight, cap, state }, at) =>
          credential(`c${at}`, {
            tier,
            weight,
            maxInFlight: cap,
            deny: state === "listed" ? ["m"] : undefined,
          }),
        );
        const bench = createBench(pool, { strategy, cacheWait: 10_000 });
        members.forEach(({ state }, at) => {
          if (state === "cooling") bench.close(key(`c${at}`), MINUTE, NOW);
          if (state === "wide") bench.close(key(`c${at}`, "*"), MINUTE / 2, NOW);
          if (state === "disabled") bench.pool.setDisabled(`c${at}`, true);
        });
        let now = NOW;
        for (const { session, keep, later } of ops) {
          now += later;
          const what = wanted("m", { session });
          const said = bench.pool.explain(what, now, 50);
          expect(bench.pool.explain(what, now, 50)).toEqual(said);
          const next = replay({ ...said, candidates: said.candidates.slice(1) });
          const chosen = bench.pool.take(what, now)?.id;
          expect(chosen).toBe(replay(said));
          expect(chosen).toBe(said.chosen?.credential);
          if (chosen)
            expect(
              bench.pool.explain(wanted("m", { session, excluded: [chosen] }), now, 50).candidates
                .length,
            ).toBe(said.candidates.length);
          expect(said.candidates).toHaveLength(members.length);
          if (strategy === "round-robin" && session === undefined && chosen && next)
            expect(
              bench.pool.explain(wanted("m", { excluded: [chosen] }), now, 50).chosen?.credential,
            ).toBe(next);
          if (chosen && !keep) bench.pool.release(chosen);
        }
      },
    ),
    { numRuns: 200, seed: 20261125 },
  );
});

it("J4 says why each of the others was skipped, and until when", () => {
  const bench = createBench(
    [
      credential("ok"),
      credential("off"),
      credential("model", { deny: ["m"] }),
      credential("cool"),
      credential("wide"),
      credential("kept"),
      credential("busy", { maxInFlight: 1 }),
      credential("failed"),
    ],
    { isProtected: (_, left) => left < 0.5 },
  );
  bench.pool.setDisabled("off", true);
  bench.close(key("cool"), MINUTE, NOW);
  bench.close(key("wide", "*"), 2 * MINUTE, NOW, { reason: "BILLING" });
  const reading = { remaining: 0.1, resetAt: NOW + 1_000, at: NOW };
  bench.pool.setQuota("kept", { pool: "main", family: "m", model: "m" }, reading, NOW);
  bench.pool.take(wanted("m", { excluded: ["ok", "failed"] }), NOW);
  const { candidates, chosen, left } = bench.pool.explain(
    wanted("m", { excluded: ["failed"] }),
    NOW,
    50,
  );
  expect(chosen).toEqual({ credential: "ok", by: "strategy" });
  expect(left).toBe(0);
  expect(candidates.map(({ credential: id, skipped }) => [id, skipped])).toEqual([
    ["ok", undefined],
    ["off", { why: "disabled" }],
    ["model", { why: "model" }],
    [
      "cool",
      { why: "cooling", until: NOW + MINUTE, scope: "model", reason: "RATE_LIMIT_EXCEEDED" },
    ],
    ["wide", { why: "cooling", until: NOW + 2 * MINUTE, scope: "credential", reason: "BILLING" }],
    ["kept", { why: "protected", until: NOW + 1_000, scope: "model" }],
    ["busy", { why: "busy" }],
    ["failed", { why: "excluded" }],
  ]);
});

it("J4 names the basis of the selection, and lists at most the given number", () => {
  const pool = Array.from({ length: 300 }, (_, at) => credential(`c${at}`));
  const bench = createBench(pool, { preferred: { id: "c9", strict: false } });
  const session = wanted("m", { session: "s", excluded: ["c9"] });
  expect(bench.pool.explain(wanted(), NOW, 50).chosen).toEqual({
    credential: "c9",
    by: "preferred",
  });
  expect(bench.pool.explain(session, NOW, 50)).toMatchObject({
    chosen: { by: "strategy" },
    left: 200,
  });
  const own = bench.pick(NOW, session)!;
  bench.pick(NOW);
  expect(bench.pool.explain(session, NOW, 50).chosen).toEqual({ credential: own, by: "session" });
});
