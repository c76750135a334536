import { afterEach, describe, expect, it } from "vitest";
import type { LimitOptions } from "../../src/options/group-types.ts";
import { createRelay } from "../../src/index.ts";
import { makeCredentials, type RelayUnderTest, startRelay } from "../support/relay.ts";

type Rules = NonNullable<LimitOptions["rules"]>;

let relay: RelayUnderTest | undefined;
afterEach(async () => {
  await relay?.close();
  relay = undefined;
});

/** The first call gets this response; the operator has these rules. */
async function start(rules: Rules, status: number, body: string): Promise<RelayUnderTest> {
  relay = await startRelay({ count: 2, limits: { rules } });
  const headers = { "content-type": "application/json" };
  relay.upstream.script({ when: { nth: 1 }, then: { reply: { status, headers, body } } });
  return relay;
}

const callsBy = (): string[] => relay!.upstream.ledger.calls.map(({ credential }) => credential);
const cooldowns = (): [string, string, string, number][] =>
  relay!.relay.status().cooldowns.map((it) => [it.credential, it.family, it.reason, it.retryAfter]);

const ARREARS = '{"error":{"code":"1113","message":"please mind the bill"}}';

describe("an operator's rules", () => {
  it("B11 have priority over the built-in classification: a 400 becomes a limit with its own wait", async () => {
    await start(
      [
        {
          when: { fields: { "error.code": 7777 } },
          then: { reason: "BILLING", cooldown: 300_000 },
        },
      ],
      400,
      '{"error":{"code":"7777","message":"bad request"}}',
    );
    expect((await relay!.chat()).status).toBe(200);
    expect(callsBy()).toEqual(["c1", "c2"]);
    expect(cooldowns()).toEqual([["c1", "*", "BILLING", 300]]);
  });

  it("B11 stop a request that would have continued", async () => {
    await start([{ when: { text: "BILL" }, then: { reason: "INVALID_REQUEST" } }], 429, ARREARS);
    const response = await relay!.chat();
    expect([response.status, await response.text()]).toEqual([429, ARREARS]);
    expect(callsBy()).toEqual(["c1"]);
    expect(cooldowns()).toEqual([]);
  });

  it("B11 let a request continue without any cooldown", async () => {
    await start(
      [
        {
          when: { status: [400, 409], text: /mind/g },
          then: { reason: "UNKNOWN", cooldown: false },
        },
      ],
      409,
      ARREARS,
    );
    expect((await relay!.chat()).status).toBe(200);
    expect(callsBy()).toEqual(["c1", "c2"]);
    expect(cooldowns()).toEqual([]);
  });

  it("B11 use `continue` for a refusal that would stop", async () => {
    await start(
      [{ when: { status: 422 }, then: { reason: "INVALID_REQUEST", action: "continue" } }],
      422,
      ARREARS,
    );
    expect((await relay!.chat()).status).toBe(200);
    expect(callsBy()).toEqual(["c1", "c2"]);
  });

  it("B11 disable a credential at once", async () => {
    await start(
      [{ when: { text: "bill" }, then: { reason: "FORBIDDEN", disables: true } }],
      400,
      ARREARS,
    );
    expect((await relay!.chat()).status).toBe(200);
    expect(relay!.relay.status().credentials[0]!.disabled?.cause).toBe("forbidden");
  });

  it("B11 apply in order, and only where all conditions match", async () => {
    await start(
      [
        { when: { status: 429, fields: { "error.code": "other" } }, then: { reason: "BILLING" } },
        { when: { text: "bill" }, then: { reason: "QUOTA_EXHAUSTED", cooldown: 120_000 } },
        { when: { text: "bill" }, then: { reason: "INVALID_REQUEST" } },
      ],
      429,
      ARREARS,
    );
    expect((await relay!.chat()).status).toBe(200);
    expect(cooldowns()).toEqual([["c1", "gpt-4o", "QUOTA_EXHAUSTED", 120]]);
  });
});

it.each<[unknown, string]>([
  [{ when: {}, then: { reason: "UNKNOWN" } }, "limits.rules[0].when: must have a status"],
  [{ when: { status: 4 }, then: { reason: "UNKNOWN" } }, "limits.rules[0].when.status: must be"],
  [{ when: { text: 7 }, then: { reason: "UNKNOWN" } }, "limits.rules[0].when.text: must be a text"],
  [{ when: { text: "a" }, then: { reason: "ODD" } }, "limits.rules[0].then.reason: must be one of"],
  [
    { when: { text: "a", upstream: "x" }, then: { reason: "UNKNOWN" } },
    "limits.rules[0].when.upstream: must be one of default",
  ],
  [
    { when: { text: "a" }, then: { reason: "SERVER_ERROR", cooldown: 5 } },
    "limits.rules[0].then: has a cooldown, but",
  ],
  [
    { when: { text: "a" }, then: { reason: "BILLING", disables: true } },
    "limits.rules[0].then: disables only",
  ],
])("B11 K13 rejects the rule %j", (rule, words) => {
  const upstream = { baseURL: "https://api.example.com/v1", dialect: "openai" } as const;
  const limits = { rules: [rule] } as never;
  expect(() => createRelay({ upstream, limits, credentials: makeCredentials(1) })).toThrow(words);
});
