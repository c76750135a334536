import { describe, expect, it } from "vitest";
import type { Reason } from "../../src/contract/verdict.ts";
import { BACKOFF, backoffWait, clampHint, withJitter } from "../../src/policies/backoff.ts";

const HOUR = 3_600_000;

describe("backoffWait", () => {
  it("C5 climbs 60, 300, 1,800, 7,200 s for a quota and stays there", () => {
    const waits = [1, 2, 3, 4, 5, 99].map((incidents) => backoffWait("QUOTA_EXHAUSTED", incidents));
    expect(waits).toEqual([60_000, 300_000, 1_800_000, 7_200_000, 7_200_000, 7_200_000]);
  });

  it.each<[Reason, number]>([
    ["RATE_LIMIT_EXCEEDED", 30_000],
    ["MODEL_CAPACITY_EXHAUSTED", 15_000],
    ["SERVER_ERROR", 20_000],
    ["UNKNOWN", 60_000],
  ])("C5 waits the same for every %s", (reason, wait) => {
    expect([1, 2, 10].map((incidents) => backoffWait(reason, incidents))).toEqual([
      wait,
      wait,
      wait,
    ]);
  });

  it("B9 waits 10 min for money", () => {
    expect(backoffWait("BILLING", 1)).toBe(600_000);
  });

  it("C5 takes a count below 1 for the first", () => {
    expect([0, -3, NaN].map((incidents) => backoffWait("QUOTA_EXHAUSTED", incidents))).toEqual([
      60_000, 60_000, 60_000,
    ]);
  });

  it.each<Reason>(["NOT_FOUND", "TOKEN_EXHAUSTED", "CREATE_LIMITED"])(
    "C5 waits as long for %s, which has no backoff of its own, as for UNKNOWN",
    (reason) => expect(backoffWait(reason, 1)).toBe(60_000),
  );
});

describe("clampHint", () => {
  it("C4 raises a hint to the floor of 2 s", () => {
    expect(clampHint(6)).toEqual({ wait: 2_000, capped: false });
  });

  it("C4 keeps a 5 h hint at 5 h", () => {
    expect(clampHint(5 * HOUR)).toEqual({ wait: 5 * HOUR, capped: false });
  });

  it.each([18 * 24 * HOUR, 31 * 365 * 24 * HOUR])(
    "C4 admits a probe after 24 h of a hint of %i ms",
    (hint) => {
      expect(clampHint(hint)).toEqual({ wait: 24 * HOUR, capped: true });
    },
  );

  it("C4 calls exactly 24 h uncapped", () => {
    expect(clampHint(24 * HOUR)).toEqual({ wait: 24 * HOUR, capped: false });
  });

  it("C10 multiplies the hint before floor and cap", () => {
    const config = { ...BACKOFF, hintMultiplier: 1.5 };
    expect(clampHint(10_000, config)).toEqual({ wait: 15_000, capped: false });
    expect(clampHint(20 * HOUR, config)).toEqual({ wait: 24 * HOUR, capped: true });
  });
});

describe("withJitter", () => {
  it("C11 goes upward only, by at most the share", () => {
    expect(withJitter(1_000, 0.1, () => 0)).toBe(1_000);
    expect(withJitter(1_000, 0.1, () => 0.5)).toBe(1_050);
    expect(withJitter(1_000, 0.1, () => 0.999_999)).toBeLessThanOrEqual(1_100);
  });

  it("C11 adds nothing for a share of 0 or below", () => {
    expect(withJitter(1_000, 0, () => 0.9)).toBe(1_000);
    expect(withJitter(1_000, -1, () => 0.9)).toBe(1_000);
  });
});
