import { describe, expect, it } from "vitest";
import { readBody } from "../../src/refusals/read-body.ts";
import type { Hint } from "../../src/refusals/refusal-case.ts";
import { findHint } from "../../src/refusals/wait-hints.ts";
import { RECEIVED_AT, refusal, type Said } from "./refusal.ts";

const IN_A_MINUTE = RECEIVED_AT + 60_000;

function hintOf(said: Said): Hint | undefined {
  const refused = refusal(said);
  return findHint(refused, readBody(refused.body));
}

const info = (metadata: object): object => ({
  "@type": "type.googleapis.com/google.rpc.ErrorInfo",
  metadata,
});
const retryInfo = { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "7s" };

describe("the order of hints", () => {
  /** Each source alone, in the order of C1. */
  const sources: [name: string, part: Said, wait: number][] = [
    ["retryDelay", { body: { details: [retryInfo] } }, 7_000],
    ["quotaResetDelay", { body: { details: [info({ quotaResetDelay: "11s" })] } }, 11_000],
    [
      "quotaResetTimeStamp",
      { body: { quotaResetTimeStamp: new Date(IN_A_MINUTE).toISOString() } },
      60_000,
    ],
    ["retry_after_seconds", { body: { retry_after_seconds: 13 } }, 13_000],
    ["resets_in_seconds", { body: { resets_in_seconds: 17 } }, 17_000],
    ["resets_at", { body: { resets_at: IN_A_MINUTE / 1_000 } }, 60_000],
    ["message", { body: { message: "Please retry in 19s." } }, 19_000],
    ["retry-after-ms", { headers: { "retry-after-ms": "2300" } }, 2_300],
    ["retry-after", { headers: { "retry-after": "29" } }, 29_000],
    ["reset headers", { headers: { "x-ratelimit-reset-requests": "31s" } }, 31_000],
  ];

  it.each(sources)("C1 reads %s where it is the only one", (_, said, wait) => {
    expect(hintOf(said)?.wait).toBe(wait);
  });

  it.each(
    sources
      .slice(0, -1)
      .map(([name, said, wait], index) => [name, said, wait, sources.slice(index + 1)] as const),
  )("C1 prefers %s to all later ones", (_, said, wait, later) => {
    const body = Object.assign({}, ...later.map(([, other]) => other.body), said.body);
    const headers = Object.assign({}, ...later.map(([, other]) => other.headers), said.headers);
    expect(hintOf({ body, headers })?.wait).toBe(wait);
  });

  it("C1 finds none where none is stated", () => {
    expect(hintOf({ body: { error: { message: "no" } } })).toBeUndefined();
  });
});

describe("hints in a message", () => {
  it.each([
    ["Your quota will reset after 5h5m47s.", 18_347_000],
    ["Please retry after 45 seconds.", 45_000],
    ["retry after 1 second", 1_000],
    ["Please retry in 45.578569677s.", 45_579],
    ["Please try again in 9m38.016s.", 578_016],
    ["try again in 2m 5s", 125_000],
    ["please try again after 10 seconds", 10_000],
    ["Please wait 5631 seconds before retrying.", 5_631_000],
    ["wait 30s", 30_000],
    ["Resets in 9h22m20s.", 33_740_000],
    ["quota will reset in 86 second", 86_000],
    ["try again in 15 hours 23 minutes", 55_380_000],
    ["请求过于频繁，请 30 秒后重试", 30_000],
  ])("C3 reads %j", (message, wait) => {
    expect(hintOf({ body: { error: { message } } })?.wait).toBe(wait);
  });

  it.each([
    "Rate limit of 50 per 86400s exceeded",
    "usage of the last 5 minutes",
    "you've exceeded your 5 hour session limits",
    "wait a few minutes for the action to propagate, then retry",
    "Please modify your prompt and retry. See section 4 minutes",
    "retry after 5 failures",
    "resets at 2026-08-25 07:41:44",
    "limited to 40 API calls / minute, please wait and try again later",
  ])("C3 reads no wait in %j", (message) => {
    expect(hintOf({ body: { error: { message } } })).toBeUndefined();
  });

  it("C1 reads a date with its zone, and one without only where the language of the text implies the zone", () => {
    expect(hintOf({ body: "You will regain access on 2026-01-01 at 00:01 UTC." })?.wait).toBe(
      60_000,
    );
    expect(hintOf({ body: "您的限额将在 2026-01-01 08:01:00 重置。" })?.wait).toBe(60_000);
    expect(hintOf({ body: "Your limit will reset at 2026-01-01 08:01:00" })).toBeUndefined();
  });
});

describe("hints in headers", () => {
  it.each([
    ["an HTTP date", { "retry-after": new Date(IN_A_MINUTE).toUTCString() }, 60_000],
    ["6m0s", { "x-ratelimit-reset-tokens": "6m0s" }, 360_000],
    ["epoch seconds", { "x-rate-limit-reset": String(IN_A_MINUTE / 1_000) }, 60_000],
    ["epoch ms", { "x-ratelimit-reset": String(IN_A_MINUTE) }, 60_000],
    ["RFC 3339", { "anthropic-ratelimit-requests-reset": "2026-01-01T00:01:00Z" }, 60_000],
    ["the draft's list", { ratelimit: '"a";r=0;t=30, "b";r=5;t=900' }, 30_000],
    ["the older draft", { ratelimit: "limit=10, remaining=0, reset=30" }, 30_000],
  ])("C1 reads %s", (_, headers, wait) => {
    expect(hintOf({ headers })?.wait).toBe(wait);
  });

  it("C1 uses the windows that are exhausted, otherwise the longest", () => {
    const resets = { "x-ratelimit-reset-requests": "8h", "x-ratelimit-reset-tokens": "12s" };
    expect(hintOf({ headers: resets })?.wait).toBe(28_800_000);
    const spent = {
      ...resets,
      "x-ratelimit-remaining-tokens": "0",
      "x-ratelimit-remaining-requests": "9",
    };
    expect(hintOf({ headers: spent })?.wait).toBe(12_000);
  });

  it("C1 reads headers inside the body", () => {
    const headers = { "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": String(IN_A_MINUTE) };
    expect(hintOf({ body: { error: { metadata: { headers } } } })?.wait).toBe(60_000);
  });

  it("C2 ignores a time that has passed", () => {
    expect(hintOf({ headers: { "retry-after": "0" } })).toBeUndefined();
    expect(
      hintOf({ headers: { "x-ratelimit-reset": String((RECEIVED_AT - 1_000) / 1_000) } }),
    ).toBeUndefined();
    expect(hintOf({ body: { resets_at: RECEIVED_AT / 1_000 - 5 } })).toBeUndefined();
  });
});
