import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  secondsUntil,
  toDurationText,
  toISOTime,
  toRetryText,
  toSpanText,
  toWaitText,
} from "../../src/shared/times.ts";

const NOON = Date.UTC(2026, 10, 28, 12, 3, 13);

describe("a formatted duration", () => {
  it.each([
    [0, "0 ms"],
    [-5, "0 ms"],
    [Number.NaN, "0 ms"],
    [0.4, "1 ms"],
    [450, "450 ms"],
    [999.9, "999 ms"],
    [1_000, "1 s"],
    [1_500, "1.5 s"],
    [1_999, "1.9 s"],
    [9_999, "9.9 s"],
    [12_000, "12 s"],
    [12_900, "12 s"],
    [59_999, "59 s"],
    [60_000, "1 min"],
    [90_000, "1 min 30 s"],
    [300_000, "5 min"],
    [3_599_999, "59 min 59 s"],
    [3_600_000, "1 h"],
    [3_659_999, "1 h"],
    [18_347_000, "5 h 5 min"],
    [86_399_999, "23 h 59 min"],
    [86_400_000, "1 d"],
    [183_600_000, "2 d 3 h"],
    [978_307_200_000, "11,323 d"],
    [Infinity, "an unlimited time"],
  ])("J5 %d ms is %s", (ms, text) => expect(toDurationText(ms)).toBe(text));

  it("J5 is short, and never longer than the real one", () => {
    const lengths: Record<string, number> = { ms: 1, s: 1e3, min: 6e4, h: 36e5, d: 864e5 };
    fc.assert(
      fc.property(fc.double({ min: 1, max: 1e13, noNaN: true }), (ms) => {
        const parts = toDurationText(ms).split(" ");
        expect(parts.length).toBeLessThanOrEqual(4);
        let said = 0;
        for (let at = 0; at < parts.length; at += 2)
          said += Number(parts[at]!.replaceAll(",", "")) * lengths[parts[at + 1]!]!;
        expect(said).toBeLessThanOrEqual(ms + 1e-6);
        expect(said).toBeGreaterThan(ms * 0.9 - 1);
      }),
      { seed: 5 },
    );
  });
});

describe("a formatted wait", () => {
  it.each([
    [450, "450 ms"],
    [12_000, "12 s"],
    [12_001, "13 s"],
    [59_001, "1 min, until 12:05 UTC"],
    [60_000, "1 min, until 12:05 UTC"],
    [18_347_000, "5 h 5 min, until 17:09 UTC"],
    [42_900_000, "11 h 55 min, until 23:59 UTC"],
    [43_006_000, "11 h 56 min, until 2026-11-29 00:00 UTC"],
    [183_600_000, "2 d 3 h, until 2026-11-30 15:04 UTC"],
    [40 * 86_400_000, "40 d, until 2027-01-07 12:04 UTC"],
    [Infinity, "an unlimited time"],
  ])("J5 %d ms is %s", (ms, text) => expect(toWaitText(ms, NOON)).toBe(text));

  it("J5 never names an end before the wait has ended", () => {
    fc.assert(
      fc.property(fc.nat(4e9), fc.integer({ min: 60_000, max: 1e9 }), (since, ms) => {
        const now = NOON + since;
        const [, day, time] = /until (?:(\S+) )?(\S+) UTC$/.exec(toWaitText(ms, now))!;
        const end = Date.parse(`${day ?? toISOTime(now).slice(0, 10)}T${time}:00Z`);
        expect(end).toBeGreaterThanOrEqual(now + ms);
        expect(end).toBeLessThan(now + ms + 60_000);
      }),
      { seed: 6 },
    );
  });

  it.each([
    [1, "1 s"],
    [59, "59 s"],
    [60, "1 min (60 s)"],
    [18_347, "5 h 5 min (18,347 s)"],
    [1_000_000, "11 d 13 h (1,000,000 s)"],
  ])("J5 a retry after %d s is %s", (seconds, text) => expect(toRetryText(seconds)).toBe(text));
});

describe("a point in time", () => {
  it.each([
    [NOON, "2026-11-28T12:03:13.000Z"],
    [Infinity, "9999-12-31T23:59:59.999Z"],
    [1e300, "9999-12-31T23:59:59.999Z"],
    [-Infinity, "1970-01-01T00:00:00.000Z"],
    [-1, "1970-01-01T00:00:00.000Z"],
    [Number.NaN, "1970-01-01T00:00:00.000Z"],
  ])("J2 %d is %s", (at, text) => expect(toISOTime(at)).toBe(text));

  it("J2 is a number of whole seconds away, never less than 0", () => {
    expect(secondsUntil(NOON + 1, NOON)).toBe(1);
    expect(secondsUntil(NOON + 2_000, NOON)).toBe(2);
    expect(secondsUntil(NOON - 5_000, NOON)).toBe(0);
  });
});

it("J14 formats the duration of an outage without fractions of a second", () => {
  expect([0, 999, 5_500, 12_000, 130_000].map(toSpanText)).toEqual([
    "less than 1 s",
    "less than 1 s",
    "5 s",
    "12 s",
    "2 min 10 s",
  ]);
});
