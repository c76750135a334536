import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDuration, parseInstant } from "../../src/refusals/durations.ts";

describe("parseDuration", () => {
  it.each([
    ["5h5m47s", 18_347_000],
    ["1h16m0.667s", 4_560_667],
    ["500ms", 500],
    ["510.790006ms", 511],
    ["42s", 42_000],
    ["6m0s", 360_000],
    ["25h20m26.179915352s", 91_226_180],
    ["3", 3_000],
    [3, 3_000],
    [0.35, 350],
    [{ seconds: "3", nanos: 500_000_000 }, 3_500],
    [{ seconds: 2 }, 2_000],
    ["15 hours 23 minutes", 55_380_000],
    ["1 day, 2 hours and 3 seconds", 93_603_000],
    ["1:23:45", 5_025_000],
    ["30 秒", 30_000],
    ["5小时", 18_000_000],
  ])("C2 reads %j as %i ms", (written, ms) => {
    expect(parseDuration(written)).toBe(ms);
  });

  it.each([
    "0s",
    "0",
    "-5s",
    "",
    "soon",
    "5 apples",
    "s",
    "1:2",
    "NaN",
    "3s later",
    null,
    undefined,
    [],
    {},
    NaN,
    -1,
    Infinity,
  ])("C2 rejects %j as a duration", (written) => {
    expect(parseDuration(written)).toBeNull();
  });

  it("C2 never returns a wait that is not a whole, positive number of ms", () => {
    fc.assert(
      fc.property(fc.anything(), (written) => {
        const wait = parseDuration(written);
        expect(wait === null || (Number.isInteger(wait) && wait > 0)).toBe(true);
      }),
      { seed: 7, numRuns: 2_000 },
    );
  });

  it("C2 reads back durations in hours, minutes and seconds", () => {
    const part = fc.integer({ min: 0, max: 59 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9_999 }), part, part, (h, m, s) => {
        expect(parseDuration(`${h}h${m}m${s}s`)).toBe(((h * 60 + m) * 60 + s) * 1_000);
      }),
      { seed: 7 },
    );
  });
});

describe("parseInstant", () => {
  it.each([
    ["1779321600000", 1_779_321_600_000],
    ["1779321600", 1_779_321_600_000],
    [1_775_317_531, 1_775_317_531_000],
    ["2026-04-28T09:06:26Z", Date.UTC(2026, 3, 28, 9, 6, 26)],
    ["2026-04-28T09:06:26.123456789Z", Date.UTC(2026, 3, 28, 9, 6, 26, 123)],
    ["2026-04-28T09:06:26+02:00", Date.UTC(2026, 3, 28, 7, 6, 26)],
    ["Wed, 01 Apr 2026 00:00:00 GMT", Date.UTC(2026, 3, 1)],
  ])("C1 reads %j by its size and its zone", (written, at) => {
    expect(parseInstant(written)).toBe(at);
  });

  it.each(["2026-04-28T09:06:26", "2026-04-28 09:06:26", "tomorrow", "42", "", null, {}])(
    "C1 rejects %j",
    (written) => {
      expect(parseInstant(written)).toBeNull();
    },
  );
});
