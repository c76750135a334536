import { afterEach, describe, expect, it } from "vitest";
import type { RefusalKind } from "../../simulator/index.ts";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";

let relay: RelayUnderTest;
afterEach(() => relay.close());

async function start(options?: UnderTestOptions): Promise<RelayUnderTest> {
  relay = await startRelay(options);
  return relay;
}

const callsBy = (): string[] => relay.upstream.ledger.calls.map(({ credential }) => credential);
const cooldowns = (): string[] =>
  relay.relay
    .status()
    .cooldowns.map(({ credential, family, reason }) => `${credential} ${family} ${reason}`);
const refuse = (kind: RefusalKind, when = {}, more = {}): void =>
  relay.upstream.script({ when, then: { refuse: { kind, ...more } } });

/** Waits until the next upstream call has been made, then advances the relay's clock. */
async function afterCall(count: number, ms: number): Promise<void> {
  await relay.upstream.ledger.until(
    ({ calls }) => calls.length >= count && !calls[count - 1]!.open,
  );
  await untilAsleep();
  await relay.clock.advance(ms);
}

/** Sockets run in real time: waits turns of the loop until the relay has read the response and set its timer. */
async function untilAsleep(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await relay.clock.settle();
}

describe("number of attempts", () => {
  it("E1 makes at most three calls for a request, whatever the size of the pool", async () => {
    await start({ count: 10 });
    refuse("rate-limit", {}, { wait: 30_000 });
    const response = await relay.chat();
    expect(response.status).toBe(429);
    expect(relay.upstream.ledger.calls).toHaveLength(3);
  });

  it("A11 E1 never uses the same credential twice for one request", async () => {
    await start({ count: 3 });
    refuse("rate-limit", {}, { wait: 30_000 });
    await relay.chat();
    expect(new Set(callsBy()).size).toBe(3);
  });

  it("E1 counts over all reasons together", async () => {
    await start({ count: 3 });
    relay.upstream.script(
      { when: { nth: 1 }, then: { refuse: "server-error" } },
      { when: { nth: 1 }, then: { cut: "before-headers" } },
      { when: {}, then: { refuse: { kind: "rate-limit", wait: 60_000 } } },
    );
    const answer = relay.chat();
    await afterCall(1, 1_000);
    expect((await answer).status).toBe(429);
    expect(relay.upstream.ledger.calls).toHaveLength(3);
  });
});

describe("requests that are invalid", () => {
  it.each(["bad-request", "too-large"] as const)(
    "E5 B8 passes a %s on unchanged after one call, and penalises no credential",
    async (kind) => {
      await start();
      refuse(kind);
      const response = await relay.chat();
      const body = Buffer.from(await response.arrayBuffer());
      expect(body.equals(relay.upstream.ledger.last()!.sent!)).toBe(true);
      expect(response.status).toBe(relay.upstream.ledger.last()!.status);
      expect(response.headers.get("x-should-retry")).toBe("false");
      expect(callsBy()).toHaveLength(1);
      expect(relay.relay.status().cooldowns).toEqual([]);
      expect(relay.relay.status().credentials.every(({ disabled }) => disabled === undefined)).toBe(
        true,
      );
    },
  );

  it("E8 tries the next credential when a model does not exist, and no longer uses the first for that model", async () => {
    await start();
    refuse("model-not-found", { credential: "c1" });
    expect((await relay.chat()).status).toBe(200);
    expect(callsBy()).toEqual(["c1", "c2"]);
    expect(cooldowns()).toEqual(["c1 gpt-4o NOT_FOUND"]);
  });

  it("E8 answers 404, not 429, while no credential has the model", async () => {
    await start();
    refuse("model-not-found");
    expect((await relay.chat()).status).toBe(404);
    const again = await relay.chat();
    expect(again.status).toBe(404);
    expect(await again.json()).toMatchObject({ error: { code: "ERR_RELAY_MODEL_NOT_FOUND" } });
    expect(callsBy()).toHaveLength(2);
  });
});

describe("refusals that are not understood", () => {
  const reply = (status: number, body: string): void =>
    relay.upstream.script({
      then: { reply: { status, headers: { "content-type": "text/plain" }, body } },
    });

  it.each([
    [1, 1],
    [3, 2],
  ])(
    "E5 a 425 of %i credentials costs %i calls, closes nothing and reaches the client",
    async (count, calls) => {
      await start({ count });
      reply(425, "Too Early");
      const response = await relay.chat();
      expect([response.status, await response.text()]).toEqual([425, "Too Early"]);
      expect(callsBy()).toHaveLength(calls);
      expect(relay.relay.status().cooldowns).toEqual([]);
    },
  );

  it("E5 B10 an unknown error inside a 200 is tried once more, also with one credential, and is no limit", async () => {
    await start({ count: 1 });
    relay.upstream.script({
      then: {
        reply: {
          headers: { "content-type": "application/json" },
          body: '{"error":{"message":"hm"}}',
        },
      },
    });
    const answer = relay.chat({ stream: false });
    await relay.upstream.ledger.until(({ total, inFlight }) => total === 1 && inFlight === 0);
    await relay.clock.settle();
    await relay.clock.advance(1_000);
    const response = await answer;
    expect(await response.json()).toMatchObject({ error: { code: "ERR_RELAY_UPSTREAM_FAILED" } });
    expect([response.status, callsBy().length]).toEqual([502, 2]);
    expect(relay.relay.status().cooldowns).toEqual([]);
  });
});

describe("credentials that are refused", () => {
  const refuseBarely = (when: { credential?: string }): void =>
    relay.upstream.script({
      when,
      then: {
        reply: {
          status: 403,
          headers: { "content-type": "application/json" },
          body: '{"error":{"message":"Forbidden"}}',
        },
      },
    });

  it("E6 F1 disables a static key on 401, with its reason, and continues with the next", async () => {
    await start();
    refuse("unauthenticated", { credential: "c1" });
    expect((await relay.chat()).status).toBe(200);
    expect((await relay.chat()).status).toBe(200);
    expect(callsBy()).toEqual(["c1", "c2", "c2"]);
    expect(relay.relay.status().credentials[0]!.disabled).toMatchObject({ cause: "auth" });
  });

  it("E7 disables at once on a 403 about the account", async () => {
    await start();
    relay.upstream.script({
      when: { credential: "c1" },
      then: {
        reply: {
          status: 403,
          headers: { "content-type": "application/json" },
          body: '{"error":{"message":"Your account has been suspended.","type":"account_suspended"}}',
        },
      },
    });
    expect((await relay.chat()).status).toBe(200);
    expect(relay.relay.status().credentials[0]!.disabled).toMatchObject({ cause: "forbidden" });
  });

  it("E7 F1 F4 closes a credential for ten minutes on a bare 403, then probes it, and never disables it", async () => {
    await start();
    refuseBarely({ credential: "c1" });
    for (let nth = 0; nth < 4; nth++) expect((await relay.chat()).status).toBe(200);
    expect(callsBy()).toEqual(["c1", "c2", "c2", "c2", "c2"]);
    expect(relay.relay.status().cooldowns).toMatchObject([
      { credential: "c1", scope: "credential", reason: "FORBIDDEN", retryAfter: 600 },
    ]);
    await relay.clock.advance(600_000);
    for (let nth = 0; nth < 4; nth++) expect((await relay.chat()).status).toBe(200);
    expect(callsBy().filter((id) => id === "c1")).toHaveLength(2);
    expect(relay.relay.status().credentials[0]!.disabled).toBeUndefined();
  });

  it("E7 E3 answers 503, not a limit, while the only credential rests after a bare 403", async () => {
    await start({ count: 1 });
    refuseBarely({});
    expect((await relay.chat()).status).toBe(403);
    const response = await relay.chat();
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("600");
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe("ERR_RELAY_NO_CREDENTIAL");
    expect(error.message).toContain("1 cooling down (access refused); retry in 10 min");
    expect(callsBy()).toHaveLength(1);
  });

  it("E6 F1 closes a static key for ten minutes on a bare 401, and does not disable it", async () => {
    await start();
    relay.upstream.script({ when: { credential: "c1" }, then: { reply: { status: 401 } } });
    for (let nth = 0; nth < 3; nth++) expect((await relay.chat()).status).toBe(200);
    expect(callsBy()).toEqual(["c1", "c2", "c2", "c2"]);
    const { cooldowns, credentials } = relay.relay.status();
    expect(credentials[0]!.disabled).toBeUndefined();
    expect(cooldowns).toMatchObject([{ reason: "UNAUTHENTICATED", retryAfter: 600 }]);
  });

  it("E6 disables no key when every key gets 401 for one request, and serves again after ten minutes", async () => {
    await start();
    refuse("unauthenticated");
    expect((await relay.chat()).status).toBe(503);
    const response = await relay.chat();
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("600");
    expect(callsBy()).toHaveLength(2);
    expect(relay.relay.status().credentials.map(({ disabled }) => disabled)).toEqual([
      undefined,
      undefined,
    ]);
    relay.upstream.script();
    await relay.clock.advance(600_000);
    expect((await relay.chat()).status).toBe(200);
  });

  it("E6 disables the wrong keys, however many, where another key serves the request", async () => {
    await start({ count: 3 });
    refuse("unauthenticated", { credential: ["c1", "c2"] });
    const response = await relay.chat();
    expect([response.status, await response.text().then(() => callsBy())]).toEqual([
      200,
      ["c1", "c2", "c3"],
    ]);
    await relay.ended();
    expect(relay.relay.status().credentials.map(({ disabled }) => disabled?.cause)).toEqual([
      "auth",
      "auth",
      undefined,
    ]);
  });

  it("E7 undoes the rest of a credential when several get a bare 403 for one request", async () => {
    await start();
    refuseBarely({});
    expect((await relay.chat()).status).toBe(403);
    relay.upstream.script();
    expect(relay.relay.status().cooldowns).toEqual([]);
    expect((await relay.chat()).status).toBe(200);
  });

  it("E7 attributes it to the request when several credentials get 403 for it", async () => {
    await start({ count: 3 });
    relay.upstream.script({
      then: {
        reply: {
          status: 403,
          headers: { "content-type": "application/json" },
          body: '{"error":{"message":"Your account has been suspended."}}',
        },
      },
    });
    const response = await relay.chat();
    expect(response.status).toBe(403);
    expect(relay.relay.status().credentials.every(({ disabled }) => disabled === undefined)).toBe(
      true,
    );
    relay.upstream.script();
    expect((await relay.chat()).status).toBe(200);
  });

  it("F1 B9 never disables for money or a limit, even when configured", async () => {
    await start({
      limits: { disableOn: ["QUOTA_EXHAUSTED", "INVALID_REQUEST", "UNAUTHENTICATED"] },
    });
    expect(
      relay.lines.some(({ level, message }) => level === "warn" && message.includes("disableOn")),
    ).toBe(true);
    refuse("quota", { credential: "c1" });
    await relay.chat();
    expect(relay.relay.status().credentials[0]!.disabled).toBeUndefined();
    refuse("billing", { credential: "c2" });
    await relay.chat();
    expect(relay.relay.status().credentials[1]!.disabled).toBeUndefined();
  });
});

describe("servers and networks that fail", () => {
  it.each(["server-error", "html-502", "html-504", "html-524"] as const)(
    "E9 retries a %s after a pause and disables no credential",
    async (kind) => {
      await start();
      refuse(kind, { first: 1 });
      const answer = relay.chat();
      await afterCall(1, 999);
      expect(relay.upstream.ledger.calls).toHaveLength(1);
      await relay.clock.advance(1);
      expect((await answer).status).toBe(200);
      expect(callsBy()).toEqual(["c1", "c2"]);
      expect(relay.relay.status().cooldowns).toEqual([]);
    },
  );

  it("E9 C8 pauses one second, then two, with a single credential", async () => {
    await start({ count: 1 });
    refuse("server-error", { first: 2 });
    const answer = relay.chat();
    await afterCall(1, 1_000);
    await afterCall(2, 1_999);
    expect(relay.upstream.ledger.calls).toHaveLength(2);
    await relay.clock.advance(1);
    expect((await answer).status).toBe(200);
  });

  it("E9 returns the upstream's own status after the last attempt", async () => {
    await start({ count: 1 });
    refuse("html-524");
    const answer = relay.chat();
    await afterCall(1, 1_000);
    await afterCall(2, 2_000);
    const response = await answer;
    expect(response.status).toBe(524);
    expect(await response.json()).toMatchObject({ error: { code: "ERR_RELAY_UPSTREAM_TIMEOUT" } });
    expect(relay.upstream.ledger.calls).toHaveLength(3);
  });

  it("E10 B8 retries a broken connection once, on the same credential, and penalises no credential", async () => {
    await start();
    relay.upstream.script({ when: { first: 1 }, then: { cut: "before-headers" } });
    expect((await relay.chat()).status).toBe(200);
    expect(callsBy()).toEqual(["c1", "c1"]);
    expect(relay.relay.status().cooldowns).toEqual([]);
  });

  it("E10 fails after the second broken connection", async () => {
    await start();
    relay.upstream.script({ then: { cut: "before-headers" } });
    const response = await relay.chat();
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: "ERR_RELAY_UPSTREAM_CLOSED" } });
    expect(callsBy()).toEqual(["c1", "c1"]);
  });

  it("E13 counts an empty 200 as failed and answers 502 when all were empty", async () => {
    await start();
    relay.upstream.script({ then: { empty: "body" } });
    const answer = relay.chat();
    await afterCall(1, 1_000);
    await afterCall(2, 2_000);
    const response = await answer;
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: "ERR_RELAY_UPSTREAM_EMPTY" } });
    expect(relay.upstream.ledger.calls).toHaveLength(3);
  });

  it("E15 keeps one deadline over all attempts and pauses", async () => {
    await start({ count: 1, limits: { deadline: 1_500 } });
    refuse("server-error");
    const answer = relay.chat();
    await afterCall(1, 1_000);
    await afterCall(2, 500);
    const response = await answer;
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ error: { code: "ERR_RELAY_DEADLINE" } });
    expect(relay.upstream.ledger.calls).toHaveLength(2);
  });

  it("E15 ends an upstream that never answers at the deadline, and closes it", async () => {
    await start({ limits: { deadline: 3_000 } });
    relay.upstream.script({ then: { stall: "before-headers" } });
    const answer = relay.chat();
    await relay.upstream.ledger.until(({ calls }) => calls.length === 1);
    await relay.clock.advance(3_000);
    expect((await answer).status).toBe(504);
    await relay.upstream.ledger.until(({ calls }) => calls[0]!.end === "client closed");
  });

  it("E16 leaves no socket open after failed attempts", async () => {
    await start({ count: 3 });
    relay.upstream.script(
      {
        when: { credential: "c1" },
        then: { refuse: { kind: "rate-limit", wait: 60_000 }, holdOpen: true },
      },
      {
        when: { credential: "c2" },
        then: { error: { at: "after-lifecycle", kind: "quota" }, holdOpen: true },
      },
    );
    const answer = relay.chat();
    // The refusal's body never ends: the part that has arrived must suffice.
    await relay.upstream.ledger.until(({ calls }) => calls[0]?.whole === true);
    await untilAsleep();
    await relay.clock.advance(2_000);
    expect(await (await answer).text()).toContain("[DONE]");
    await relay.upstream.ledger.until(
      ({ calls }) => calls.length === 3 && calls.every(({ open }) => !open),
    );
    expect(relay.relay.status().credentials.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0]);
  });
});

describe("one credential", () => {
  it("C9 waits for a short stated wait on the same credential, once, and keeps the key closed to other requests", async () => {
    await start({ count: 1 });
    refuse("rate-limit", { first: 1 }, { wait: 1_500, hints: ["retry-after-ms"] });
    const first = relay.chat();
    await afterCall(1, 0);
    const second = relay.chat();
    await untilAsleep();
    expect(relay.upstream.ledger.calls).toHaveLength(1);
    await relay.clock.advance(1_599);
    await untilAsleep();
    expect(relay.upstream.ledger.calls.length).toBeLessThanOrEqual(2);
    await relay.clock.advance(1);
    expect((await first).status).toBe(200);
    expect((await second).status).toBe(200);
  });

  it("C8 pauses 1 and 2 s on a limit without a stated wait, as far as the attempts allow", async () => {
    await start({ count: 1 });
    refuse("rate-limit");
    const answer = relay.chat();
    await afterCall(1, 1_000);
    await afterCall(2, 2_000);
    const response = await answer;
    expect(response.status).toBe(429);
    expect(relay.upstream.ledger.calls).toHaveLength(3);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(20);
  });

  it("C8 tries the same credential again first where configured not to switch", async () => {
    await start({ count: 2, limits: { switchOnFirstRateLimit: false } });
    refuse("rate-limit", { first: 2 }, { wait: 30_000 });
    const answer = relay.chat();
    await afterCall(1, 1_000);
    expect((await answer).status).toBe(200);
    expect(callsBy()).toEqual(["c1", "c1", "c2"]);
  });

  it("E2 waits for a stated reset within maxWait, otherwise fails at once with the true time", async () => {
    await start({ count: 1 });
    refuse("rate-limit", { first: 1 }, { wait: 8_000 });
    const answer = relay.chat();
    await afterCall(1, 8_000);
    expect((await answer).status).toBe(200);
    refuse("quota", {}, { wait: 18_347_000, hints: ["retry-after"] });
    const refused = await relay.chat();
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("18347");
    expect(refused.headers.get("x-should-retry")).toBe("false");
  });
});

describe("capacity", () => {
  it("C12 tries the same credential again, then closes the model for all and answers 503", async () => {
    await start({ count: 3 });
    refuse("capacity");
    const answer = relay.chat();
    await afterCall(1, 1_000);
    await afterCall(2, 2_000);
    const response = await answer;
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: { code: "ERR_RELAY_CAPACITY" } });
    expect(callsBy()).toEqual(["c1", "c1", "c1"]);
    expect(cooldowns()).toEqual(["* gpt-4o MODEL_CAPACITY_EXHAUSTED"]);
    expect((await relay.chat()).status).toBe(503);
    expect(relay.upstream.ledger.calls).toHaveLength(3);
  });

  it("C12 D1 does not affect other models or the credential", async () => {
    await start({ count: 1 });
    refuse("capacity", { model: "gpt-4o" });
    const answer = relay.chat();
    await afterCall(1, 1_000);
    await afterCall(2, 2_000);
    await answer;
    expect((await relay.chat({ model: "gpt-4o-mini" })).status).toBe(200);
  });
});

describe("errors inside a 200", () => {
  it.each(["event", "choice"] as const)(
    "B10 recognises an error as the first meaningful %s",
    async (shape) => {
      await start();
      relay.upstream.script({
        when: { credential: "c1" },
        then: { error: { at: "after-lifecycle", kind: "quota", shape } },
      });
      const response = await relay.chat();
      expect(response.status).toBe(200);
      expect(
        Buffer.from(await response.arrayBuffer()).equals(relay.upstream.ledger.last()!.sent!),
      ).toBe(true);
      expect(callsBy()).toEqual(["c1", "c2"]);
      expect(response.headers.get("x-relay-attempts")).toBe("2");
      expect(relay.relay.status().cooldowns).toHaveLength(1);
    },
  );

  it("E12 I4 counts a client that leaves as no credential's failure", async () => {
    await start();
    relay.upstream.script({ then: { stall: "before-headers" } });
    const leaving = new AbortController();
    const answer = relay.chat({ signal: leaving.signal }).catch(() => {});
    await relay.upstream.ledger.until(({ calls }) => calls.length === 1);
    leaving.abort();
    await answer;
    expect(await relay.ended()).toMatchObject({
      reason: "client_gone_before_first",
      clientPresent: false,
      attempts: 1,
    });
    await relay.upstream.ledger.until(({ calls }) => calls[0]!.end === "client closed");
    expect(relay.relay.status()).toMatchObject({
      cooldowns: [],
      requests: { open: 0, waiting: 0 },
    });
    expect(callsBy()).toHaveLength(1);
  });
});

describe("all requests together", () => {
  it("E14 answers an outage with at most a fifth more load", async () => {
    await start({ count: 20, limits: { perCaller: { concurrent: false }, circuitAfter: false } });
    refuse("server-error");
    const answers = Array.from({ length: 100 }, () => relay.chat().then(({ status }) => status));
    await relay.upstream.ledger.until(
      ({ calls }) => calls.length >= 100 && calls.slice(0, 100).every(({ open }) => !open),
    );
    await untilAsleep();
    for (let second = 0; second < 10; second++) {
      await relay.clock.advance(1_000);
      await untilAsleep();
    }
    expect(new Set(await Promise.all(answers))).toEqual(new Set([500]));
    expect(relay.upstream.ledger.calls.length).toBeLessThanOrEqual(120);
    expect(relay.upstream.ledger.calls.length).toBeGreaterThan(100);
  });

  it("E14 C8 does not charge rotation away from a limited credential to the budget", async () => {
    await start({ count: 2, limits: { perCaller: { concurrent: false } } });
    refuse("rate-limit", { credential: "c1" }, { wait: 60_000 });
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => relay.chat().then(({ status }) => status)),
    );
    expect(new Set(answers)).toEqual(new Set([200]));
  });
});

it("E7 waits ten minutes when the upstream requires a verification, and shows where", async () => {
  await start();
  const body = JSON.stringify({
    error: {
      code: 403,
      message: "Verify your account to continue.",
      status: "PERMISSION_DENIED",
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          reason: "VALIDATION_REQUIRED",
          metadata: { validation_url: "https://accounts.example.com/verify?x=1" },
        },
      ],
    },
  });
  relay.upstream.script({
    when: { credential: "c1" },
    then: { reply: { status: 403, headers: { "content-type": "application/json" }, body } },
  });
  expect((await relay.chat()).status).toBe(200);
  const status = relay.relay.status();
  expect(status.cooldowns).toMatchObject([
    { credential: "c1", reason: "FORBIDDEN", retryAfter: 600 },
  ]);
  expect(status.credentials[0]).toMatchObject({
    disabled: undefined,
    verification: "https://accounts.example.com/verify?x=1",
  });
});

describe("the hook `attempt`", () => {
  /** Relays one request and lists what the hook said the request did after each attempt. */
  async function nextSteps(options: UnderTestOptions, script: () => void): Promise<string[]> {
    const steps: string[] = [];
    await start(options);
    relay.relay.on(
      "attempt",
      ({ next, verdict }) => void steps.push(`${verdict?.reason ?? "ok"} ${next}`),
    );
    script();
    const answer = relay.chat();
    for (let count = 1; count < 3; count++) {
      await untilAsleep();
      await relay.clock.advance(1_000);
    }
    await (await answer).text();
    return steps;
  }

  it("J8 says that a request goes on with another credential after a 429", async () => {
    const steps = await nextSteps({ count: 2 }, () =>
      refuse("rate-limit", { nth: 1 }, { wait: 60_000 }),
    );
    expect(steps).toEqual(["RATE_LIMIT_EXCEEDED other-credential", "ok end"]);
  });

  it("E9 J8 says that a request goes on with another credential after a 500, though the answer permits the same", async () => {
    const actions: string[] = [];
    const steps = await nextSteps({ count: 2 }, () => {
      relay.relay.on("attempt", ({ verdict }) => void (verdict && actions.push(verdict.action)));
      refuse("server-error", { nth: 1 });
    });
    expect(steps).toEqual(["SERVER_ERROR other-credential", "ok end"]);
    expect(actions).toEqual(["same-later"]);
  });

  it("E9 J8 says that a request uses the only credential once more after a 500", async () => {
    const steps = await nextSteps({ count: 1 }, () => refuse("server-error", { nth: 1 }));
    expect(steps).toEqual(["SERVER_ERROR same-credential", "ok end"]);
  });

  it("J8 says that a request ends after a refusal that no other attempt can change", async () => {
    const steps = await nextSteps({ count: 2 }, () => refuse("bad-request"));
    expect(steps).toEqual(["INVALID_REQUEST end"]);
  });

  it("D8 J8 says that a request falls back to another model", async () => {
    const options = { count: 1, models: { "gpt-4o": { fallback: ["gpt-4o-mini"] } } };
    const steps = await nextSteps(options, () =>
      refuse("rate-limit", { model: "gpt-4o" }, { wait: 60_000 }),
    );
    expect(steps).toEqual(["RATE_LIMIT_EXCEEDED other-target", "ok end"]);
  });
});

it("J8 reports a rotation only when the credential changes", async () => {
  const rotations: string[] = [];
  await start({ count: 2 });
  relay.relay.on(
    "rotation",
    ({ from, to, reason }) => void rotations.push(`${from} ${to} ${reason}`),
  );
  relay.upstream.script(
    { when: { nth: 1 }, then: { cut: "before-headers" } },
    { when: { nth: 1 }, then: { refuse: { kind: "rate-limit", wait: 60_000 } } },
  );
  expect((await relay.chat()).status).toBe(200);
  expect(callsBy()).toEqual(["c1", "c1", "c2"]);
  expect(rotations).toEqual(["c1 c2 RATE_LIMIT_EXCEEDED"]);
});

it("E5 answers with the relay's own error where every credential is limited, and not with the last refusal", async () => {
  await start({
    count: 2,
    limits: { rules: [{ when: { status: 418 }, then: { reason: "UNKNOWN" } }] },
  });
  relay.upstream.script({
    then: { reply: { status: 418, headers: {}, body: '{"error":{"message":"teapot"}}' } },
  });
  const response = await relay.chat();
  expect(response.status).toBe(429);
  expect(await response.text()).not.toContain("teapot");
});
