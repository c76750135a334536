import { afterEach, describe, expect, it } from "vitest";
import type { RefusalKind } from "../../simulator/index.ts";
import { makeCredentials, type RelayUnderTest, startRelay } from "../support/relay.ts";
import { createRelay, type CredentialOptions } from "../../src/index.ts";

let relay: RelayUnderTest | undefined;
afterEach(async () => {
  await relay?.close();
  relay = undefined;
});

async function start(maxAttempts = 4, count = 1): Promise<RelayUnderTest> {
  relay = await startRelay({
    count,
    models: { a: { fallback: ["b", "c"] } },
    limits: { maxAttempts },
  });
  return relay;
}

const models = (): (string | undefined)[] => relay!.upstream.ledger.calls.map(({ model }) => model);
const refuse = (kind: RefusalKind, ...names: string[]): void =>
  relay!.upstream.script({ when: { model: names }, then: { refuse: { kind, wait: 60_000 } } });

describe("fallback models", () => {
  it.each(["rate-limit", "model-not-found", "capacity"] as const)(
    "D9 continue in order after %s, and the response names the one that answered",
    async (kind) => {
      await start();
      refuse(kind, "a", "b");
      const response = await relay!.chat({ model: "a" });
      expect(response.status).toBe(200);
      expect(models()).toEqual(["a", "b", "c"]);
      expect(response.headers.get("x-relay-model")).toBe("c");
    },
  );

  it("D9 change only the name in the request", async () => {
    await start();
    refuse("rate-limit", "a");
    await relay!.chat({ model: "a", body: { metadata: { model: "a" }, n: 1 } });
    const [first, second] = relay!.upstream.ledger.calls.map(({ body }) => body.toString());
    expect(second).toBe(first!.replace('"model":"a"', '"model":"b"'));
  });

  it("D9 the next request begins with the model it asks for", async () => {
    await start();
    relay!.upstream.script({
      when: { nth: 1 },
      then: { refuse: { kind: "rate-limit", wait: 5_000 } },
    });
    await relay!.chat({ model: "a" });
    await relay!.clock.advance(6_000);
    await relay!.chat({ model: "a" });
    expect(models()).toEqual(["a", "b", "a"]);
  });

  it("D9 a cooling model is skipped without a call and without waiting", async () => {
    await start();
    refuse("rate-limit", "a");
    await relay!.chat({ model: "a" });
    await relay!.chat({ model: "a" });
    expect(models()).toEqual(["a", "b", "b"]);
  });

  it("D9 a request opts out", async () => {
    await start();
    refuse("rate-limit", "a");
    const headers = { "x-relay-fallback": "off" };
    expect((await relay!.chat({ model: "a", headers })).status).toBe(429);
    expect(models()).toEqual(["a"]);
  });

  it.each(["bad-request", "too-large", "forbidden"] as const)(
    "D9 %s has no fallback",
    async (kind) => {
      await start();
      refuse(kind, "a");
      expect((await relay!.chat({ model: "a" })).ok).toBe(false);
      expect(models()).toEqual(["a"]);
    },
  );

  it("D9 E1 the last call of the budget is the next model's, where the first fails", async () => {
    await start(2);
    refuse("server-error", "a");
    expect((await relay!.chat({ model: "a" })).status).toBe(200);
    expect(models()).toEqual(["a", "b"]);
  });

  it("D9 nothing else is tried after the first payload", async () => {
    await start();
    relay!.upstream.script({ when: { model: "a" }, then: { cut: { afterEvents: 2 } } });
    await (await relay!.chat({ model: "a" })).text();
    expect(models()).toEqual(["a"]);
  });

  it("E1 D9 no chain is longer than the budget", async () => {
    await start(2);
    refuse("rate-limit", "a", "b", "c");
    expect((await relay!.chat({ model: "a" })).status).toBe(429);
    expect(models()).toEqual(["a", "b"]);
  });

  it("D10 names every model with reason and wait when nothing is left", async () => {
    await start();
    const kinds = { a: 90_000, b: 60_000, c: 120_000 };
    relay!.upstream.script(
      ...Object.entries(kinds).map(([model, wait]) => ({
        when: { model },
        then: { refuse: { kind: "rate-limit" as const, wait } },
      })),
    );
    for (const calls of [3, 3]) {
      const response = await relay!.chat({ model: "a" });
      expect([response.status, response.headers.get("retry-after")]).toEqual([429, "60"]);
      const { error } = (await response.json()) as { error: { tried: unknown } };
      expect(error.tried).toEqual(
        Object.entries(kinds).map(([model, wait]) => ({
          model,
          pool: "main",
          reason: "RATE_LIMIT_EXCEEDED",
          retry_after: wait / 1_000,
        })),
      );
      expect(models()).toHaveLength(calls);
    }
  });
});

const one = { baseURL: "https://api.example.com/v1", dialect: "openai" } as const;
const two = { baseURL: "https://api.example.com", dialect: "anthropic" } as const;
it.each([
  [{ a: { fallback: ["a"] } }, "models.a.fallback[0]: is the model itself"],
  [
    { a: { upstream: "one", fallback: ["b", "b"] } },
    "models.a.fallback[1]: is a duplicate of models.a.fallback[0]",
  ],
  [{ a: { fallback: ["other"] } }, "models.a.fallback[0]: must be listed"],
  [{ a: { fallback: ["far"] } }, "models.a.fallback[0]: must have the same dialect as its model"],
  [{ a: { upstream: "x" } }, "models.a.upstream: must be one of one, two"],
])("D9 K13 rejects the chain %j", (models, words) => {
  const credentials = makeCredentials(2).map((it, at): CredentialOptions => ({
    ...it,
    upstream: ["one", "two"][at]!,
  }));
  const listed = Object.fromEntries(
    Object.entries(models).map(([name, model]) => [name, { upstream: "one", ...model }]),
  );
  expect(() =>
    createRelay({
      upstreams: { one, two },
      credentials,
      models: { ...listed, b: { upstream: "one" }, far: { upstream: "two" } },
    }),
  ).toThrow(words);
});
