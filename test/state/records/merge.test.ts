import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CooldownRecord, DisableRecord } from "../../../src/contract/records.ts";
import { mergeCooldowns, mergeMarks } from "../../../src/state/records/merge.ts";
import { NOW, cooldown, mark } from "../fixtures.ts";

const SEED = 20_260_101;

// Few values per field, so that ties in all fields but one are frequent.
const small = fc.integer({ min: 0, max: 2 });
const cooldowns: fc.Arbitrary<CooldownRecord> = fc
  .record({
    reason: fc.constantFrom("UNKNOWN" as const, "QUOTA_EXHAUSTED" as const),
    until: small,
    writtenAt: small,
    epoch: small,
    incidents: small,
    stated: fc.boolean(),
  })
  .map((fields) => cooldown("a", fields));
const marks: fc.Arbitrary<DisableRecord> = fc
  .record({
    disabled: fc.option(
      fc.record({
        cause: fc.constantFrom("auth" as const, "operator" as const),
        reason: fc.constantFrom("x", "y"),
        at: small,
      }),
      { nil: undefined },
    ),
    secretHash: fc.constantFrom("h1", "h2"),
    revision: small,
    writtenAt: small,
  })
  .map((fields) => mark("a", fields));

function itMerges<R>(name: string, records: fc.Arbitrary<R>, merge: (a: R, b: R) => R): void {
  describe(name, () => {
    function check(laws: (a: R, b: R, c: R) => void): void {
      fc.assert(fc.property(records, records, records, laws), { seed: SEED, numRuns: 2000 });
    }

    it("gives the same result in any order", () => {
      check((a, b) => {
        expect(merge(a, b)).toEqual(merge(b, a));
      });
    });

    it("gives the same result in any grouping", () => {
      check((a, b, c) => {
        expect(merge(a, merge(b, c))).toEqual(merge(merge(a, b), c));
      });
    });

    it("gives the same result when merged repeatedly", () => {
      check((a, b) => {
        expect(merge(a, a)).toEqual(a);
        expect(merge(merge(a, b), b)).toEqual(merge(a, b));
      });
    });
  });
}

itMerges("cooldowns", cooldowns, mergeCooldowns);
itMerges("marks", marks, mergeMarks);

it("takes the later end within one epoch", () => {
  const short = cooldown("a", { until: NOW + 1, writtenAt: NOW + 1, incidents: 9 });
  const long = cooldown("a", { until: NOW + 2, writtenAt: NOW, incidents: 1 });
  expect(mergeCooldowns(short, long)).toBe(long);
});

it("takes the higher epoch although it ends earlier", () => {
  const cleared = cooldown("a", { until: NOW, epoch: 2 });
  expect(mergeCooldowns(cooldown("a", { until: NOW + 9, epoch: 1 }), cleared)).toBe(cleared);
});

it("F5 takes the higher revision, and disabled when two are equal", () => {
  const free = mark("a", { disabled: undefined, revision: 2, writtenAt: NOW + 5 });
  expect(mergeMarks(mark("a", { revision: 1 }), free)).toBe(free);
  const disabled = mark("a", { revision: 2, writtenAt: NOW });
  expect(mergeMarks(free, disabled)).toBe(disabled);
});
