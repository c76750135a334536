import { describe, expect, it } from "vitest";
import type { Reason } from "../../src/contract/verdict.ts";
import { isReason, REASONS, type ReasonPolicy } from "../../src/shared/reasons.ts";

/** Reasons for which a column of the table is true. */
function reasonsWith(column: keyof ReasonPolicy): string[] {
  return Object.entries(REASONS)
    .filter(([, policy]) => policy[column] === true)
    .map(([name]) => name);
}

describe("the table of reasons", () => {
  it.each<[string, keyof ReasonPolicy, Reason[]]>([
    [
      "D7 opens a cooldown for limits, money and missing models alone",
      "closes",
      [
        "QUOTA_EXHAUSTED",
        "RATE_LIMIT_EXCEEDED",
        "MODEL_CAPACITY_EXHAUSTED",
        "UNKNOWN",
        "BILLING",
        "NOT_FOUND",
      ],
    ],
    [
      "C7 H3 climbs for a quota and a creation limit alone",
      "climbs",
      ["QUOTA_EXHAUSTED", "CREATE_LIMITED"],
    ],
    [
      "F2 counts failures of the endpoint against its circuit breaker",
      "endpointFault",
      ["SERVER_ERROR", "TIMEOUT", "NETWORK"],
    ],
    [
      "E14 limits the retries of failures that many requests meet at once",
      "budgeted",
      ["MODEL_CAPACITY_EXHAUSTED", "SERVER_ERROR", "TIMEOUT", "NETWORK", "EMPTY"],
    ],
    [
      "D8 D9 falls back after failures that another model may not share",
      "fallback",
      [
        "QUOTA_EXHAUSTED",
        "RATE_LIMIT_EXCEEDED",
        "MODEL_CAPACITY_EXHAUSTED",
        "SERVER_ERROR",
        "UNAUTHENTICATED",
        "BILLING",
        "NOT_FOUND",
        "TIMEOUT",
        "NETWORK",
        "EMPTY",
      ],
    ],
    [
      "D11 looks for another cause of limits without a stated wait",
      "weighed",
      ["QUOTA_EXHAUSTED", "RATE_LIMIT_EXCEEDED", "UNKNOWN", "BILLING"],
    ],
    [
      "E5 passes on answers that only the client can act on",
      "clientsOwn",
      ["UNKNOWN", "FORBIDDEN", "INVALID_REQUEST", "NOT_FOUND"],
    ],
    [
      "B11 lets an operator's rule name what an upstream can answer",
      "ruleable",
      [
        "QUOTA_EXHAUSTED",
        "RATE_LIMIT_EXCEEDED",
        "MODEL_CAPACITY_EXHAUSTED",
        "SERVER_ERROR",
        "UNKNOWN",
        "UNAUTHENTICATED",
        "FORBIDDEN",
        "BILLING",
        "INVALID_REQUEST",
        "NOT_FOUND",
      ],
    ],
  ])("%s", (_, column, reasons) => {
    expect(reasonsWith(column).toSorted()).toEqual(reasons.toSorted());
  });

  it("C5 has a backoff for every reason that opens a cooldown, but for NOT_FOUND, which waits as long as UNKNOWN", () => {
    const without = Object.entries(REASONS)
      .filter(([, { closes, backoff }]) => closes && backoff.length === 0)
      .map(([name]) => name);
    expect(without).toEqual(["NOT_FOUND"]);
  });

  it.each([
    ["QUOTA_EXHAUSTED", true],
    ["toString", false],
    ["", false],
    [undefined, false],
    [1, false],
  ])("isReason(%s) is %s", (name, expected) => expect(isReason(name)).toBe(expected));
});
