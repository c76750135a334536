/** Times in log lines and messages: formatted for readers, while headers and fields stay numbers. */
import { afterEach, expect, it } from "vitest";
import { type RelayUnderTest, startRelay } from "../support/relay.ts";

let relay: RelayUnderTest;
afterEach(() => relay.close());

const warnings = (): string[] =>
  relay.lines.filter(({ level }) => level === "warn").map(({ message }) => message);

it("E3 J5 formats a wait of hours as hours, in the log with its end, in the response with its seconds", async () => {
  relay = await startRelay({ count: 1, authorize: () => true });
  relay.upstream.script({ then: { refuse: { kind: "rate-limit", wait: 18_347_000 } } });
  const response = await relay.chat();
  expect(response.status).toBe(429);
  expect(response.headers.get("retry-after")).toBe("18347");
  const { error } = (await response.json()) as { error: Record<string, unknown> };
  expect(error).toMatchObject({
    retry_after: 18_347,
    message:
      "All credentials are limited for model gpt-4o on upstream default: 1 rate limited; retry in 5 h 5 min (18,347 s).",
  });
  expect(error).not.toHaveProperty("retryAfter");
  expect(warnings()).toEqual([
    expect.stringMatching(
      /^credential c1 for gpt-4o cools down for 18347 s \(5 h 5 min, until 05:06 UTC\): RATE_LIMIT_EXCEEDED \(matched /,
    ),
  ]);
});

it("D10 E3 uses snake case on the wire for the time until each target may be tried", async () => {
  relay = await startRelay({ count: 1, models: { "gpt-4o": { fallback: ["other"] } } });
  relay.upstream.script({ then: { refuse: { kind: "rate-limit", wait: 90_000 } } });
  const response = await relay.chat();
  const { error } = (await response.json()) as { error: { tried: object[]; message: string } };
  expect(error.tried).toHaveLength(2);
  for (const place of error.tried) {
    expect(place).toMatchObject({ retry_after: 90 });
    expect(place).not.toHaveProperty("retryAfter");
  }
  expect(error.message).toContain("; retry in 1 min 30 s (90 s).");
});

it("F2 J5 says how long a circuit stays open", async () => {
  const limits = { circuitAfter: 1, circuitOpen: 300_000 };
  relay = await startRelay({ count: 1, authorize: () => true, limits });
  relay.upstream.script({ then: { refuse: "server-error" } });
  await (await relay.chat()).arrayBuffer();
  expect(warnings()).toContain(
    "circuit open: upstream default failed several times in a row (SERVER_ERROR); next attempt in 5 min, until 00:05 UTC",
  );
  const response = await relay.chat();
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "300"]);
  expect(await response.text()).toContain(
    "Circuit open: the upstream default failed several times in a row; retry in 5 min (300 s).",
  );
});

it("G9 J5 says when a failed refresh is tried again", async () => {
  const token = (): never => {
    throw new Error("no");
  };
  relay = await startRelay({ authorize: () => true, credentials: [{ id: "a", token }] });
  await (await relay.chat()).arrayBuffer();
  expect(warnings()).toEqual([
    expect.stringMatching(
      /^the token of a could not be refreshed: SOURCE, the token function failed: Error at .*wording\.test\.ts:\d+:\d+\)?; next attempt in 5 s$/,
    ),
  ]);
});

it("E15 J5 formats a deadline for readers", async () => {
  const streaming = { firstByteTimeout: 200_000 };
  relay = await startRelay({ count: 1, limits: { deadline: 90_000 }, streaming });
  relay.upstream.script({ then: { stall: "before-headers" } });
  const asked = relay.chat({ stream: false });
  await relay.upstream.ledger.until(({ calls }) => calls.some((call) => call.stalled));
  await relay.clock.advance(90_000);
  const response = await asked;
  expect(await response.text()).toContain("within its deadline of 1 min 30 s.");
});

it("E3 names a limit of the whole upstream by its reason, and counts no credentials for it", async () => {
  relay = await startRelay({
    count: 3,
    limits: {
      rules: [
        {
          when: { status: 429 },
          then: { reason: "RATE_LIMIT_EXCEEDED", scope: "upstream", cooldown: 90_000 },
        },
      ],
    },
  });
  relay.upstream.script({ when: { first: 1 }, then: { refuse: "rate-limit" } });
  await (await relay.chat()).text();
  relay.relay.credentials.disable("c3");
  const response = await relay.chat();
  const { error } = (await response.json()) as { error: { message: string } };
  expect(error.message).toBe(
    "All credentials are limited for model gpt-4o on upstream default: RATE_LIMIT_EXCEEDED; retry in 1 min 30 s (90 s).",
  );
});
