import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Attempt,
  CALL_TIME,
  DAY,
  MAX_COUNT_TO_CALL,
  HOUR,
  nextCreationAt,
} from "../../src/anonymous/creation-window.ts";

const limits = { perHour: 10, perDay: 50, spacing: 60_000 };
const made = (...times: number[]): Attempt[] =>
  times.map((at, nth) => ({ id: `${nth}`, at, endedAt: at }));

describe("nextCreationAt", () => {
  it("H2 keeps attempts a minute apart, ten an hour, fifty a day", () => {
    expect(nextCreationAt([], limits)).toBe(0);
    expect(nextCreationAt(made(5), limits)).toBe(60_005);
    const hour = Array.from({ length: 10 }, (_, nth) => nth * 60_000);
    expect(nextCreationAt(made(...hour), limits)).toBe(HOUR);
    const day = Array.from({ length: 50 }, (_, nth) => nth * 6 * 60_000);
    expect(nextCreationAt(made(...day), limits)).toBe(DAY);
  });

  it("H2 counts an attempt without a known end from the last moment at which it may have been seen", () => {
    expect(nextCreationAt([{ id: "a", at: 0 }], limits)).toBe(
      CALL_TIME + MAX_COUNT_TO_CALL + 60_000,
    );
    expect(nextCreationAt([{ id: "a", at: 0, endedAt: 20_000 }], limits)).toBe(80_000);
  });

  it("H2 accepts attempts in any order, also from clocks that are ahead", () => {
    expect(nextCreationAt(made(90_000, 10, 40_000), limits)).toBe(150_000);
  });

  it("H2 exceeds no sliding window by the provider's clock, however late each call arrives", () => {
    const lateness = fc.array(fc.integer({ min: 0, max: CALL_TIME + MAX_COUNT_TO_CALL }), {
      minLength: 80,
      maxLength: 120,
    });
    fc.assert(
      fc.property(lateness, fc.boolean(), (delays, isEndKnown) => {
        const attempts: Attempt[] = [];
        const arrivals: number[] = [];
        let now = 0;
        for (const [nth, delay] of delays.entries()) {
          now = Math.max(now, nextCreationAt(attempts, limits));
          arrivals.push(now + delay);
          attempts.push({ id: `${nth}`, at: now, endedAt: isEndKnown ? now + delay : undefined });
        }
        const fits = (limit: number, window: number): boolean =>
          arrivals.every((at, nth) => nth < limit || at - arrivals[nth - limit]! >= window);
        return fits(1, 60_000) && fits(10, HOUR) && fits(50, DAY);
      }),
      { numRuns: 200 },
    );
  });
});
