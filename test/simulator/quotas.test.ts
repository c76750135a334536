import { afterEach, beforeEach, expect, it } from "vitest";
import { createSimulator } from "../../simulator/index.ts";
import type { Simulator } from "../../simulator/index.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import type { VirtualClock } from "../support/virtual-clock.ts";
import { ask, CHAT } from "./client.ts";

const HOUR = 3_600_000;
const GEMINI = "/v1beta/models/gemini:generateContent";

interface GoogleError {
  error: { status: string; details: Record<string, string>[] };
}

let upstream: Simulator;
let clock: VirtualClock;
beforeEach(async () => {
  clock = createVirtualClock();
  upstream = await createSimulator({ clock });
});
afterEach(() => upstream.close());

async function status(key = "sk-one", model = "gpt-5"): Promise<number> {
  const response = await ask(upstream, { ...CHAT, model }, { key });
  await response.arrayBuffer();
  return response.status;
}

it("allows the given number of calls for each credential and model until the window ends", async () => {
  upstream.limit({ limit: 2, per: HOUR });
  expect([await status(), await status(), await status()]).toEqual([200, 200, 429]);
  expect(await status("sk-two")).toBe(200);
  expect(await status("sk-one", "other")).toBe(200);
  await clock.advance(HOUR - 1);
  expect(await status()).toBe(429);
  await clock.advance(1);
  expect(await status()).toBe(200);
});

it("never renews a quota without a window", async () => {
  upstream.limit({ limit: 1, refuse: { kind: "no-remaining-quota" } });
  await status();
  await clock.advance(1000 * HOUR);
  const response = await ask(upstream, CHAT);
  expect(response.headers.get("retry-after")).toBeNull();
  expect(await response.text()).toContain("No remaining quota");
  upstream.refill();
  expect(await status()).toBe(200);
});

it("counts a whole account, a model, or all, when configured", async () => {
  upstream.limit({ limit: 1, by: "credential" });
  expect([await status("a", "x"), await status("a", "y"), await status("b", "x")]).toEqual([
    200, 429, 200,
  ]);
  upstream.limit({ limit: 1, by: "model" });
  expect([await status("a", "x"), await status("b", "x"), await status("b", "y")]).toEqual([
    200, 429, 200,
  ]);
  upstream.limit({ limit: 1, by: "upstream" });
  expect([await status("a", "x"), await status("b", "y")]).toEqual([200, 429]);
});

it("counts a call only where all quotas allow it", async () => {
  upstream.limit({ limit: 1, per: 60_000 }, { limit: 2, per: 24 * HOUR });
  expect([await status(), await status(), await status()]).toEqual([200, 429, 429]);
  await clock.advance(60_000);
  expect(await status()).toBe(200);
  await clock.advance(60_000);
  const response = await ask(upstream, CHAT);
  expect(response.headers.get("retry-after")).toBe(String(24 * 3600 - 120));
});

it("states the time to its reset where configured", async () => {
  upstream.limit({
    limit: 0,
    per: 90_500,
    refuse: { hints: ["retry-after-ms", "message", "reset-header"] },
  });
  const response = await ask(upstream, CHAT);
  expect(response.headers.get("retry-after-ms")).toBe("90500");
  expect(response.headers.get("x-ratelimit-reset-requests")).toBe("1m30.5s");
  expect(response.headers.get("retry-after")).toBeNull();
  expect(await response.text()).toContain("Please try again in 1m30.5s.");
});

it("states it in RetryInfo for Google", async () => {
  upstream.limit({ limit: 0, per: 1500 });
  const { error } = (await (await ask(upstream, {}, { path: GEMINI })).json()) as GoogleError;
  expect(error.status).toBe("RESOURCE_EXHAUSTED");
  expect(error.details[0]?.reason).toBe("RATE_LIMIT_EXCEEDED");
  expect(JSON.stringify(error.details[1])).toContain("PerMinute");
  expect(error.details[2]?.retryDelay).toBe("1.5s");
});

it("states it as a reset of Google's quota, or as a date", async () => {
  upstream.limit({
    limit: 0,
    per: 18_347_000,
    refuse: { hints: ["quota-reset", "retry-after-date"] },
  });
  const response = await ask(upstream, {}, { path: GEMINI });
  const { error } = (await response.json()) as GoogleError;
  const metadata = { quotaResetDelay: "5h5m47s", quotaResetTimeStamp: "2026-01-01T05:05:47Z" };
  expect(error.details[0]).toMatchObject({ reason: "QUOTA_EXHAUSTED", metadata });
  expect(response.headers.get("retry-after")).toBe("Thu, 01 Jan 2026 05:05:47 GMT");
});

it("refuses completely even where a rule asks for an error inside the answer", async () => {
  upstream.limit({ limit: 0 });
  upstream.script({ then: { error: { kind: "overloaded" }, empty: "body" } });
  const response = await ask(upstream, CHAT);
  expect([response.status, await response.json()]).toMatchObject([
    429,
    { error: { code: "insufficient_quota" } },
  ]);
});

it("shows the remaining amount in the headers of a normal answer", async () => {
  upstream.limit({ limit: 5, per: 60_000 });
  const chat = await ask(upstream, CHAT);
  expect(chat.headers.get("x-ratelimit-remaining-requests")).toBe("4");
  expect(chat.headers.get("x-ratelimit-reset-requests")).toBe("1m0s");
  const message = await ask(upstream, CHAT, { path: "/v1/messages" });
  expect(message.headers.get("anthropic-ratelimit-requests-remaining")).toBe("3");
});

it("counts calls that a rule only slows down, and not those that a rule refuses", async () => {
  upstream.limit({ limit: 2 });
  upstream.script(
    { when: { first: 1 }, then: { refuse: "server-error" } },
    { then: { events: 1 } },
  );
  expect([await status(), await status(), await status(), await status()]).toEqual([
    500, 200, 200, 429,
  ]);
});
