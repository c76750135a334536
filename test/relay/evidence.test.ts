/** Attribution of refusals without a stated wait, judged by the upstream's ledger. */
import { afterEach, describe, expect, it } from "vitest";
import type { Behaviour } from "../../simulator/index.ts";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";

let relay: RelayUnderTest;
afterEach(() => relay.close());

const start = async (options?: UnderTestOptions): Promise<void> => {
  relay = await startRelay({
    count: 2,
    limits: { maxWait: 0, perCaller: { concurrent: false } },
    ...options,
  });
};
const limited: Behaviour = {
  reply: {
    status: 429,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ error: { message: "Too many tokens per minute.", type: "tokens" } }),
  },
};
const broke: Behaviour = {
  reply: {
    status: 402,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ error: { message: "Insufficient balance." } }),
  },
};
const total = (): number => relay.upstream.ledger.total;
const isPoison = ({ body }: { body: Uint8Array }): boolean =>
  new TextDecoder().decode(body).includes("poison");
/** Sends a request whose body tells the upstream how to answer. */
const ask = (word: string, model?: string): Promise<number> =>
  relay.chat({ model, body: { user: word } }).then(async (response) => {
    await response.arrayBuffer();
    return response.status;
  });
const reached = (count: number): Promise<unknown> =>
  relay.upstream.ledger.until((ledger) => ledger.total >= count);
const cooldowns = (): unknown[] =>
  relay.relay.status().cooldowns.map(({ credential, family }) => [credential, family]);
const said = (words: string): boolean => relay.lines.some(({ message }) => message.includes(words));

/** Both credentials refuse one request, each while it serves another one, for `model`, that was sent later. */
async function poisoned(then: Behaviour, model?: string): Promise<number> {
  await start();
  relay.upstream.script({ when: { where: isPoison }, then: { stall: "before-headers", ...then } });
  const bad = ask("poison");
  for (const calls of [1, 4]) {
    await reached(calls);
    await relay.clock.advance(1);
    expect([await ask("good", model), await ask("good", model)]).toEqual([200, 200]);
    relay.upstream.release();
  }
  return bad;
}

describe("a request that every credential refuses", () => {
  it("D11 closes no credential where they serve others meanwhile", async () => {
    expect(await poisoned(limited)).toBe(429);
    expect(cooldowns()).toEqual([]);
    expect(said("what closed c1, c2 is undone: RATE_LIMIT_EXCEEDED came to request")).toBe(true);
    expect([await ask("good"), await ask("good")]).toEqual([200, 200]);
    expect(total()).toBe(8);
  });

  it("D11 D7 keeps them closed where there is no evidence for them", async () => {
    await start();
    relay.upstream.script({ when: { where: isPoison }, then: limited });
    expect(await ask("good")).toBe(200);
    expect(await ask("poison")).toBe(429);
    expect(cooldowns()).toHaveLength(2);
    expect(await ask("good")).toBe(429);
    expect(total()).toBe(3);
  });

  it("D11 closes the model instead of the credentials where they serve other models", async () => {
    expect(await poisoned(broke, "other")).toBe(429);
    expect(cooldowns()).toEqual([
      ["c1", "gpt-4o"],
      ["c2", "gpt-4o"],
    ]);
    expect(said("they serve other models than gpt-4o that were sent later")).toBe(true);
    expect([await ask("good", "other"), await ask("good")]).toEqual([200, 429]);
  });
});

describe("two models that one credential is refused for", () => {
  it("D11 close it for all of them", async () => {
    await start({ count: 1 });
    relay.upstream.script({ when: { model: ["a", "b"] }, then: limited });
    expect([await ask("x", "a"), await ask("x", "c"), await ask("x", "b")]).toEqual([
      429, 200, 429,
    ]);
    expect(cooldowns()).toContainEqual(["c1", "*"]);
    expect(said("credential c1 was refused for a and b within a minute")).toBe(true);
    expect(await ask("x", "c")).toBe(429);
    expect(total()).toBe(3);
    await relay.clock.advance(30_000);
    relay.upstream.script();
    expect(await ask("x", "c")).toBe(200);
    expect([await ask("x", "a"), await ask("x", "b")]).toEqual([200, 200]);
  });

  it("D11 do not where a third one was served after the first refusal", async () => {
    await start({ count: 1 });
    relay.upstream.script({ when: { model: ["a", "b"] }, then: limited });
    expect(await ask("x", "a")).toBe(429);
    await relay.clock.advance(1);
    expect([await ask("x", "c"), await ask("x", "b"), await ask("x", "c")]).toEqual([
      200, 429, 200,
    ]);
  });

  it("D11 do not where the upstream states the waits", async () => {
    await start({ count: 1 });
    relay.upstream.script({
      when: { model: ["a", "b"] },
      then: { refuse: { kind: "rate-limit", wait: 30_000 } },
    });
    expect([await ask("x", "a"), await ask("x", "b"), await ask("x", "c")]).toEqual([
      429, 429, 200,
    ]);
  });
});
