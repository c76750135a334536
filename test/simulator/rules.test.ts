import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createSimulator } from "../../simulator/index.ts";
import type { Rule, Simulator } from "../../simulator/index.ts";
import { ask, CHAT } from "./client.ts";

let upstream: Simulator;
beforeAll(async () => {
  upstream = await createSimulator({
    keys: { "team-a": "sk-a", "team-b": "sk-b" },
    models: ["gpt-5", "gpt-5-mini"],
  });
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.ledger.reset();
  upstream.script();
});

async function statuses(count: number, key = "sk-a", body: object = CHAT): Promise<number[]> {
  const seen: number[] = [];
  for (let i = 0; i < count; i++) {
    const response = await ask(upstream, body, { key });
    await response.arrayBuffer();
    seen.push(response.status);
  }
  return seen;
}

const REFUSE: Rule["then"] = { refuse: "server-error" };

it("matches a credential by its name or by its secret", async () => {
  upstream.script(
    { when: { credential: "team-a" }, then: REFUSE },
    { when: { credential: "sk-b" }, then: { refuse: "billing" } },
  );
  expect(await statuses(1, "sk-a")).toEqual([500]);
  expect(await statuses(1, "sk-b")).toEqual([402]);
});

it("matches models and paths by patterns", async () => {
  upstream.script(
    { when: { model: "*-mini" }, then: REFUSE },
    { when: { path: "/second/*" }, then: REFUSE },
  );
  expect(await statuses(1)).toEqual([200]);
  expect(await statuses(1, "sk-a", { ...CHAT, model: "gpt-5-mini" })).toEqual([500]);
  const other = await ask(upstream, CHAT, { key: "sk-a", path: "/second/v1/chat/completions" });
  expect(other.status).toBe(500);
});

it("counts the calls of each rule that meet its other conditions", async () => {
  upstream.script({ when: { credential: "team-a", nth: 2 }, then: REFUSE });
  expect(await statuses(2, "sk-b")).toEqual([200, 200]);
  expect(await statuses(3, "sk-a")).toEqual([200, 500, 200]);
});

it.each([
  [{ first: 2 }, [500, 500, 200, 200]],
  [{ between: [2, 3] }, [200, 500, 500, 200]],
  [{ nth: [1, 4] }, [500, 200, 200, 500]],
] as const)("applies to %j of four calls", async (when, expected) => {
  upstream.script({ when, then: REFUSE });
  expect(await statuses(4)).toEqual(expected);
});

it("uses the first rule that matches", async () => {
  upstream.script({ when: { first: 1 }, then: { refuse: "billing" } }, { then: REFUSE });
  expect(await statuses(3)).toEqual([402, 500, 500]);
});

async function draw(seed: number): Promise<number[]> {
  const one = await createSimulator({
    seed,
    rules: [{ when: { probability: 0.5 }, then: REFUSE }],
  });
  const seen: number[] = [];
  for (let i = 0; i < 20; i++) seen.push((await ask(one, CHAT)).status);
  await one.close();
  return seen;
}

it("is determined by the seed", async () => {
  const first = await draw(7);
  expect(await draw(7)).toEqual(first);
  expect(await draw(8)).not.toEqual(first);
  expect(new Set(first)).toEqual(new Set([200, 500]));
});

it("calls a function with the call for a decision", async () => {
  upstream.script({
    then: (asked, credential) => ({ reply: { body: `${credential} ${asked.model}` } }),
  });
  const response = await ask(upstream, CHAT, { key: "sk-b" });
  expect(await response.text()).toBe("team-b gpt-5");
});

it("shows a rule that throws in the answer", async () => {
  upstream.script({
    then: () => {
      throw new Error("no such behaviour");
    },
  });
  const response = await ask(upstream, CHAT, { key: "sk-a" });
  expect(response.status).toBe(599);
  expect(await response.text()).toContain("no such behaviour");
});

it("refuses secrets and models that are not on its lists", async () => {
  expect(await statuses(1, "sk-stranger")).toEqual([401]);
  expect(await statuses(1, "sk-a", { ...CHAT, model: "other" })).toEqual([404]);
});

const statusOf = async (path: string): Promise<number> =>
  (await ask(upstream, CHAT, { key: "sk-a", path })).status;

it("serves any prefix before the version, but not a doubled version", async () => {
  expect(await statusOf("/pool-2/v1/chat/completions")).toBe(200);
  expect(await statusOf("/v1/v1/chat/completions")).toBe(404);
  expect(await statusOf("/chat/completions")).toBe(404);
});

it("names the option that is wrong", async () => {
  await expect(createSimulator({ port: -1 })).rejects.toThrow('Option "port"');
  await expect(createSimulator({ seed: 0.5 })).rejects.toThrow('Option "seed"');
  await expect(createSimulator({ keys: { a: "" } })).rejects.toThrow('Option "keys.a"');
  await expect(createSimulator({ scenario: "none" as "slow" })).rejects.toThrow(
    'Option "scenario"',
  );
  await expect(createSimulator({ quotas: [{ limit: -1 }] })).rejects.toThrow(
    'Option "quotas[0].limit"',
  );
  await expect(createSimulator({ rules: [{} as Rule] })).rejects.toThrow('Option "rules[0].then"');
  await expect(createSimulator({ tokens: { lifetime: -1 } })).rejects.toThrow(
    'Option "tokens.lifetime"',
  );
  await expect(createSimulator({ prot: 1 } as object)).rejects.toThrow('Unknown option "prot"');
  expect(() => upstream.script({ when: {} } as Rule)).toThrow('Option "rules[0].then"');
});
