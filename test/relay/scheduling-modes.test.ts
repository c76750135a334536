/** Modes, strategies and quotas with a complete relay, judged by the upstream's ledger. */
import { afterEach, describe, expect, it } from "vitest";
import type { QuotaAnswer, QuotaQuestion } from "../../src/contract/quota-source.ts";
import type { Behaviour } from "../../simulator/index.ts";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";

const MINUTE = 60_000;

let relay: RelayUnderTest;
afterEach(() => relay.close());

const start = async (options?: UnderTestOptions): Promise<void> => {
  relay = await startRelay({ count: 3, ...options });
};
const ask = async (session?: string, model?: string): Promise<number> => {
  const response = await relay.chat({ model, headers: session ? { "x-session-id": session } : {} });
  await response.arrayBuffer();
  return response.status;
};
const asked = async (count: number, session?: string): Promise<number[]> => {
  const statuses: number[] = [];
  while (statuses.length < count) statuses.push(await ask(session));
  return statuses;
};
const total = (): number => relay.upstream.ledger.total;
/** Credentials in the order of the upstream's calls. */
const carriers = (): string =>
  relay.upstream.ledger.calls.map(({ credential }) => credential).join(" ");
const limit = (wait: number, nth = 1): void =>
  relay.upstream.script({ when: { nth }, then: { refuse: { kind: "rate-limit", wait } } });
const lines = (words: string): number =>
  relay.lines.filter(({ level, message }) => level !== "debug" && message.includes(words)).length;
const sticky = { sessionKey: "x-session-id" };
const jsonError = (message: string) => ({
  reply: {
    status: 429,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ error: { message } }),
  },
});
const quotaGone = jsonError("The quota of this model is exhausted.");

describe("modes", () => {
  it("A5 balance switches at once when the session's credential is limited", async () => {
    await start({ scheduling: sticky });
    expect(await ask("s")).toBe(200);
    limit(30_000);
    expect(await asked(2, "s")).toEqual([200, 200]);
    expect(carriers()).toBe("c1 c1 c2 c2");
  });

  it("A5 cache-first waits for the session's credential, longer than maxWait, without trying another", async () => {
    await start({ scheduling: { ...sticky, mode: "cache-first" }, limits: { maxWait: 0 } });
    expect(await ask("s")).toBe(200);
    limit(30_000);
    const first = ask("s");
    await relay.upstream.ledger.until((ledger) => ledger.total === 2 && ledger.inFlight === 0);
    await relay.clock.settle();
    const second = ask("s");
    expect(await ask("other")).toBe(200);
    await relay.clock.advance(29_999);
    expect(carriers()).toBe("c1 c1 c2");
    await relay.clock.advance(1);
    expect([await first, await second]).toEqual([200, 200]);
    expect(carriers()).toBe("c1 c1 c2 c1 c1");
  });

  it("A5 E15 only the deadline ends such a wait", async () => {
    await start({
      scheduling: { ...sticky, mode: "cache-first" },
      limits: { deadline: 20_000 },
      streaming: { commitAfter: false },
    });
    expect(await ask("s")).toBe(200);
    limit(30_000);
    const waiting = ask("s");
    await relay.upstream.ledger.until((ledger) => ledger.total === 2 && ledger.inFlight === 0);
    await relay.clock.settle();
    await relay.clock.advance(20_000);
    expect(await waiting).toBe(504);
  });

  it("A5 cache-first switches where the wait is longer than a minute", async () => {
    await start({ scheduling: { ...sticky, mode: "cache-first" } });
    expect(await ask("s")).toBe(200);
    limit(MINUTE + 1_000);
    expect(await asked(2, "s")).toEqual([200, 200]);
    expect(carriers()).toBe("c1 c1 c2 c2");
  });

  it("A5 D9 cache-first prefers the wait to another model", async () => {
    await start({
      scheduling: { ...sticky, mode: "cache-first" },
      models: { "gpt-4o": { fallback: ["spare"] } },
    });
    expect(await ask("s")).toBe(200);
    limit(30_000);
    const waiting = relay.chat({ headers: { "x-session-id": "s" } });
    await relay.upstream.ledger.until((ledger) => ledger.total === 2 && ledger.inFlight === 0);
    await relay.clock.settle();
    await relay.clock.advance(30_000);
    const response = await waiting;
    await response.arrayBuffer();
    expect(response.headers.get("x-relay-model")).toBe("gpt-4o");
    expect(carriers()).toBe("c1 c1 c1");
  });

  it("A5 performance-first ignores sessions and the reuse window", async () => {
    await start({ scheduling: { ...sticky, mode: "performance-first", reuseWindow: MINUTE } });
    expect(await asked(3, "s")).toEqual([200, 200, 200]);
    expect(carriers()).toBe("c1 c2 c3");
  });

  it("A7 reuses the last credential inside the window", async () => {
    await start({ scheduling: { reuseWindow: MINUTE } });
    for (const pause of [0, 59_999, 60_000]) {
      await relay.clock.advance(pause);
      await ask();
    }
    expect(carriers()).toBe("c1 c1 c2");
  });
});

describe("strategies", () => {
  it("A4 distributes requests by weight", async () => {
    const credentials = [1, 3].map((weight, at) => ({
      id: `c${at + 1}`,
      apiKey: `sk-weight-${weight}-0123456789`,
      weight,
    }));
    await start({ credentials, scheduling: { strategy: "weighted" } });
    await asked(8);
    expect(relay.upstream.ledger.byCredential()).toEqual({ c1: 2, c2: 6 });
  });

  it("A4 selects the credential with the fewest requests in flight", async () => {
    await start({ scheduling: { strategy: "least-in-flight" } });
    relay.upstream.script({ when: { first: 2 }, then: { stall: "before-headers" } });
    const held = [ask(), ask()];
    await relay.upstream.ledger.until((ledger) => ledger.total === 2);
    await asked(4);
    expect(carriers()).toBe("c1 c2 c3 c3 c3 c3");
    relay.upstream.release();
    expect(await Promise.all(held)).toEqual([200, 200]);
  });

  it("A4 A9 selects the credential with most left, according to the response headers", async () => {
    await start({ count: 2, scheduling: { strategy: "quota" } });
    const left = { c1: 95, c2: 90 };
    relay.upstream.script({
      then: (_, credential) => ({
        headers: {
          "x-ratelimit-limit-requests": "100",
          "x-ratelimit-remaining-requests": String((left[credential as "c1"] -= 10)),
          "x-ratelimit-reset-requests": "1h",
        },
      }),
    });
    await asked(8);
    // c1 has more than half left, the value for unknown; then it has less, and c2 shows that it has more.
    expect(carriers()).toBe("c1 c1 c1 c1 c2 c2 c2 c2");
    expect(left).toEqual({ c1: 55, c2: 50 });
  });

  it("A4 J5 lets an operator's function choose, and reports once that it failed", async () => {
    let isBroken = false;
    const strategy = (): string => {
      if (isBroken) throw new Error("of its own");
      return "c3";
    };
    await start({ scheduling: { strategy } });
    await asked(2);
    isBroken = true;
    expect(await asked(3)).toEqual([200, 200, 200]);
    expect(carriers()).toBe("c3 c3 c1 c2 c3");
    expect(lines("scheduling.strategy failed: Error")).toBe(1);
    expect(JSON.stringify(relay.lines)).not.toContain("of its own");
  });
});

describe("a preferred credential", () => {
  it("A8 J5 is used whenever possible; one line says that it is limited, one that it is back", async () => {
    await start({ scheduling: { preferred: "c2" } });
    await asked(2);
    limit(30_000);
    await asked(3);
    await relay.clock.advance(30_000);
    await asked(2);
    expect(carriers()).toBe("c2 c2 c2 c1 c3 c1 c2 c2");
    expect([lines("c2 is limited: other"), lines("c2 is used again")]).toEqual([1, 1]);
  });

  it("A8 fails where it is strict and limited, with the true wait", async () => {
    await start({ scheduling: { preferred: { id: "c2", strict: true } }, limits: { maxWait: 0 } });
    limit(30_000);
    expect(await asked(2)).toEqual([429, 429]);
    const response = await relay.chat();
    expect(await response.json()).toMatchObject({
      error: { code: "ERR_RELAY_LIMITED", retry_after: 30 },
    });
    expect(carriers()).toBe("c2");
  });
});

describe("quota protection", () => {
  const headers = (remaining: number): Record<string, string> => ({
    "anthropic-ratelimit-requests-limit": "100",
    "anthropic-ratelimit-requests-remaining": String(remaining),
    "anthropic-ratelimit-requests-reset": new Date(relay.clock.now() + 30_000).toISOString(),
  });
  const protect = { below: 10 };

  it("A9 protects the last of a model's quota, on that credential, until its window ends", async () => {
    await start({ count: 2, scheduling: { protect }, limits: { maxWait: 0 } });
    relay.upstream.script({
      when: { credential: "c1", model: "gpt-4o" },
      then: () => ({ headers: headers(9) }),
    });
    await asked(4);
    expect(carriers()).toBe("c1 c2 c2 c2");
    expect([await ask(undefined, "other"), await ask(undefined, "other")]).toEqual([200, 200]);
    expect(relay.upstream.ledger.byCredential("other")).toEqual({ c1: 1, c2: 1 });
    await relay.clock.advance(30_000);
    await asked(2);
    expect(relay.upstream.ledger.byCredential("gpt-4o")).toEqual({ c1: 2, c2: 4 });
  });

  it("A9 reports that everything is protected, with the wait, and without a call", async () => {
    await start({ count: 2, scheduling: { protect }, limits: { maxWait: 0 } });
    relay.upstream.script({ then: () => ({ headers: headers(0) }) });
    await asked(2);
    const response = await relay.chat();
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "30"]);
    const { error } = (await response.json()) as {
      error: { code: string; type: string; message: string };
    };
    expect([error.code, error.type]).toEqual(["ERR_RELAY_PROTECTED", "quota_protected"]);
    expect(error.message).not.toMatch(/rate.?limit/i);
    expect(total()).toBe(2);
    expect(relay.relay.status().cooldowns).toEqual([]);
  });

  it("A9 E2 waits for a window that ends soon enough", async () => {
    await start({ count: 1, scheduling: { protect }, limits: { maxWait: 30_000 } });
    relay.upstream.script({ when: { first: 1 }, then: () => ({ headers: headers(0) }) });
    await ask();
    const waiting = ask();
    await relay.clock.advance(30_000);
    expect(await waiting).toBe(200);
  });

  it("A9 protects only the configured models, and none by default", async () => {
    await start({
      count: 1,
      scheduling: { protect: { below: 50, models: ["gpt-4*"] } },
      limits: { maxWait: 0 },
    });
    relay.upstream.script({ then: () => ({ headers: headers(9) }) });
    expect([
      await ask(),
      await ask(),
      await ask(undefined, "free"),
      await ask(undefined, "free"),
    ]).toEqual([200, 429, 200, 200]);
  });

  it("A9 also uses the values of a poller, which keeps others and stops with the relay", async () => {
    let answer: QuotaAnswer | undefined = { models: { "gpt-4o": { remaining: 0.05 } } };
    const questions: QuotaQuestion[] = [];
    const quota = (question: QuotaQuestion): QuotaAnswer | undefined => {
      questions.push(question);
      return question.credential === "c1" ? answer : undefined;
    };
    await start({ count: 2, scheduling: { protect }, upstream: { quota, quotaEvery: MINUTE } });
    await relay.clock.settle();
    expect(questions.map(({ credential, model }) => [credential, model])).toEqual([
      ["c2", undefined],
      ["c1", undefined],
    ]);
    await asked(3);
    expect(carriers()).toBe("c2 c2 c2");
    answer = { models: { "gpt-4o": { remaining: 0.5 } } };
    await relay.clock.advance(MINUTE);
    await asked(2);
    expect(relay.upstream.ledger.byCredential()).toEqual({ c1: 1, c2: 4 });
    await relay.relay.close();
    expect(relay.clock.pending()).toBe(0);
  });

  describe.each<[string, (share: number) => QuotaAnswer]>([
    ["as a whole", (remaining) => ({ remaining })],
    ["for the model", (remaining) => ({ models: { "gpt-4o": { remaining } } })],
  ])("a quota that is full again %s", (_name, answerWith) => {
    let share: number;
    const quota = (): QuotaAnswer => answerWith(share);
    const begin = async (then: Behaviour): Promise<void> => {
      share = 0;
      await start({ count: 1, limits: { maxWait: 0 }, upstream: { quota, quotaEvery: MINUTE } });
      relay.upstream.script({ when: { first: 1 }, then });
      await relay.clock.advance(1_000);
      expect(await ask()).toBe(429);
    };
    const used = jsonError("The quota of this model is exhausted. It will reset after 5h.");

    it("A16 opens the window that a refusal has stated", async () => {
      await begin(used);
      await relay.clock.advance(MINUTE);
      expect(await ask()).toBe(429);
      share = 1;
      await relay.clock.advance(MINUTE);
      expect(await ask()).toBe(200);
      expect(lines("credential c1 for gpt-4o may be used again: its quota is full")).toBe(1);
    });

    it("A16 does not where only a part is there", async () => {
      await begin(used);
      share = 0.5;
      await relay.clock.advance(2 * MINUTE);
      expect(await ask()).toBe(429);
    });

    it("A16 does not open a window for an answer that was asked for before the refusal", async () => {
      let answer!: (value: QuotaAnswer) => void;
      const late = (): Promise<QuotaAnswer> => new Promise((resolve) => (answer = resolve));
      await start({
        count: 1,
        limits: { maxWait: 0 },
        upstream: { quota: late, quotaEvery: MINUTE },
      });
      relay.upstream.script({ when: { first: 1 }, then: used });
      await relay.clock.advance(1_000);
      expect(await ask()).toBe(429);
      answer(answerWith(1));
      await relay.clock.settle();
      expect(await ask()).toBe(429);
    });

    it("A16 does not open a rate limit", async () => {
      await begin({ refuse: { kind: "rate-limit", wait: 5 * 3_600_000 } });
      share = 1;
      await relay.clock.advance(2 * MINUTE);
      expect(await ask()).toBe(429);
    });
  });

  it("A9 J5 survives a poller that throws, and skips disabled credentials", async () => {
    const asked: string[] = [];
    const quota = ({ credential }: QuotaQuestion): never => {
      asked.push(credential);
      throw new TypeError("secret detail");
    };
    await start({ count: 2, scheduling: { protect }, upstream: { quota, quotaEvery: MINUTE } });
    await relay.clock.settle();
    relay.relay.credentials.disable("c1");
    await relay.clock.advance(MINUTE);
    expect(asked).toEqual(["c2", "c1", "c2"]);
    expect(await ask()).toBe(200);
    expect(lines("the quota of c2 could not be read: TypeError")).toBe(2);
    expect(JSON.stringify(relay.lines)).not.toContain("secret detail");
  });
});

describe("a quota refusal that states no wait", () => {
  const startWith = async (quota: (question: QuotaQuestion) => unknown): Promise<void> => {
    await start({ count: 1, limits: { maxWait: 0 }, upstream: { quota: quota as never } });
    relay.upstream.script({ when: { first: 1 }, then: quotaGone });
  };
  const waits = (): number[] => relay.relay.status().cooldowns.map((it) => it.retryAfter);

  it.each([
    ["later", 5 * 3_600_000, 18_000],
    ["earlier", 20_000, 20],
    ["than the cap", 40 * 24 * 3_600_000, 86_400],
  ])(
    "A16 C4 uses the API's own reset instead of the backoff's where it is %s",
    async (_name, wait, seconds) => {
      const questions: QuotaQuestion[] = [];
      await startWith(async (question) => {
        questions.push(question);
        return { resetAt: new Date(relay.clock.now() + wait) };
      });
      expect(await ask()).toBe(429);
      await relay.clock.settle();
      expect(waits()).toEqual([seconds]);
      expect(
        questions.map(({ credential, model, secret }) => [credential, model, secret.length > 9]),
      ).toEqual([["c1", "gpt-4o", true]]);
      expect(relay.relay.status().cooldowns).toMatchObject([
        { statedByUpstream: true, incidents: 1 },
      ]);
      await relay.clock.advance(seconds * 1_000);
      expect(await ask()).toBe(200);
    },
  );

  it("A16 C6 asks once per incident, without delaying the request", async () => {
    let asked = 0;
    await startWith(() => (asked++, new Promise(() => {})));
    relay.upstream.script({ then: { stall: "before-headers", ...quotaGone } });
    const answers = [ask(), ask(), ask()];
    await relay.upstream.ledger.until((ledger) => ledger.total === 3);
    relay.upstream.release();
    expect(await Promise.all(answers)).toEqual([429, 429, 429]);
    expect([asked, ...waits()]).toEqual([1, 60]);
    await relay.clock.advance(10_000);
    expect(waits()).toEqual([50]);
  });

  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("no");
      },
    ],
    ["knows nothing", () => undefined],
    ["answers nonsense", () => ({ resetAt: "soon" })],
  ])("A16 keeps the backoff's wait where the source %s", async (_name, quota) => {
    await startWith(quota);
    expect(await ask()).toBe(429);
    await relay.clock.settle();
    expect(waits()).toEqual([60]);
  });

  it("A16 is not asked where the refusal states its wait", async () => {
    let asked = 0;
    await startWith(() => void asked++);
    relay.upstream.script({ then: { refuse: { kind: "quota", wait: 90_000 } } });
    expect(await ask()).toBe(429);
    await relay.clock.settle();
    expect([asked, ...waits()]).toEqual([0, 90]);
  });
});
