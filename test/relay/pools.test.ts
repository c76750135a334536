import { afterEach, describe, expect, it } from "vitest";
import { makeCredentials, type RelayUnderTest, startRelay } from "../support/relay.ts";
import { createRelay } from "../../src/index.ts";

let relay: RelayUnderTest | undefined;
afterEach(async () => {
  await relay?.close();
  relay = undefined;
});

const POOLS = [{ name: "fast", headers: { "x-pool": "fast" } }, { name: "slow" }];

async function start(quotaFallback: boolean, count = 2): Promise<RelayUnderTest> {
  relay = await startRelay({
    count,
    upstream: {
      pools: [POOLS[0]!, { ...POOLS[1]!, headers: { "x-pool": "slow" } }],
      quotaFallback,
    },
    limits: { maxAttempts: 5 },
  });
  return relay;
}

const calls = (): string[] =>
  relay!.upstream.ledger.calls.map(
    ({ credential, headers, model }) => `${credential} ${headers["x-pool"]} ${model}`,
  );
const exhaust = (pool: string): void =>
  relay!.upstream.script({
    when: { where: ({ headers }) => headers["x-pool"] === pool },
    then: { refuse: { kind: "rate-limit", wait: 60_000 } },
  });

describe("quota pools", () => {
  it("D8 use the first pool on all credentials, then the second without waiting", async () => {
    await start(true);
    exhaust("fast");
    expect((await relay!.chat()).status).toBe(200);
    expect(calls()).toEqual(["c1 fast gpt-4o", "c2 fast gpt-4o", "c1 slow gpt-4o"]);
    await relay!.chat();
    expect(calls()[3]).toMatch(/^c\d slow/);
  });

  it("D8 have separate keys, and the first is used again when its time has passed", async () => {
    await start(true);
    exhaust("fast");
    await relay!.chat();
    expect(relay!.relay.status().cooldowns.map(({ pool }) => pool)).toEqual(["fast", "fast"]);
    relay!.upstream.script();
    await relay!.clock.advance(61_000);
    await relay!.chat();
    expect(calls().at(-1)).toMatch(/^c\d fast/);
  });

  it("D8 without quotaFallback the second pool is never called", async () => {
    await start(false);
    exhaust("fast");
    const response = await relay!.chat();
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "60"]);
    expect(calls()).toEqual(["c1 fast gpt-4o", "c2 fast gpt-4o"]);
  });

  it("D8 a header pins a pool, which then never falls back", async () => {
    await start(true);
    exhaust("slow");
    const headers = { "x-relay-pool": "slow" };
    expect((await relay!.chat({ headers })).status).toBe(429);
    expect(calls()).toEqual(["c1 slow gpt-4o", "c2 slow gpt-4o"]);
    expect(relay!.upstream.ledger.last()!.headers["x-relay-pool"]).toBeUndefined();
  });

  it("D8 a suffix pins a pool and is removed; other suffixes belong to the model", async () => {
    await start(true);
    await relay!.chat({ model: "gpt-4o:slow" });
    await relay!.chat({ model: "gpt-4o:free" });
    await relay!.chat({ model: "ft:gpt-4o:acme" });
    expect(calls().map((call) => call.slice(3))).toEqual([
      "slow gpt-4o",
      "fast gpt-4o:free",
      "fast ft:gpt-4o:acme",
    ]);
  });

  it("D8 an unknown pool in the header is rejected before any call", async () => {
    await start(true);
    const response = await relay!.chat({ headers: { "x-relay-pool": "odd" } });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("ERR_RELAY_POOL_UNKNOWN");
    expect(calls()).toEqual([]);
  });
});

it.each([
  [
    { pools: [POOLS[0], POOLS[0]] },
    "upstream.pools[1].name: is a duplicate of upstream.pools[0].name",
  ],
  [{ pools: [{ name: "a b" }] }, "upstream.pools[0].name: must be letters"],
  [{ pools: [{ name: "a", baseURL: "nowhere" }] }, "upstream.pools[0].baseURL: must be"],
  [{ quotaFallback: true }, "upstream.quotaFallback: has no effect"],
])("D8 K13 rejects %j", (more, words) => {
  const upstream = { baseURL: "https://api.example.com/v1", dialect: "openai", ...more } as never;
  expect(() => createRelay({ upstream, credentials: makeCredentials(1) })).toThrow(words);
});
