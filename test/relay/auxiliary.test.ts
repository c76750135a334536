/** Operations beside the answers of models: what they refuse, and how they fail, says nothing of those. */
import { afterEach, describe, expect, it } from "vitest";
import type { Behaviour } from "../../simulator/index.ts";
import {
  type RelayUnderTest,
  secretOf,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";

let relay: RelayUnderTest;
afterEach(() => relay.close());

const refuse = (status: number, error: object): Behaviour => ({
  reply: {
    status,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ error }),
  },
});
const calls = (): number => relay.upstream.ledger.total;

/** A relay whose upstream answers `then` to every auxiliary call. */
async function start(then: Behaviour, options: UnderTestOptions = {}): Promise<void> {
  relay = await startRelay({ count: 1, limits: { maxWait: 0, maxAttempts: 1 }, ...options });
  relay.upstream.script({ when: { path: ["*/models", "*/count_tokens*"] }, then });
}
const list = (): Promise<Response> => fetch(`${relay.url}/models`);
const chat = async (): Promise<number> => {
  const response = await relay.chat({ stream: false });
  await response.text();
  return response.status;
};

describe("a key that may not list models", () => {
  it.each([
    ["E7 missing scopes", 403, "Missing scopes: api.model.read. Check your role."],
    ["E7 a bare 403", 403, "Forbidden"],
    ["E6 scopes under a 401", 401, "This token has insufficient scopes."],
    ["E6 a bare 401", 401, "Unauthorized"],
  ])("%s: the client gets the answer, and the key goes on", async (_name, status, message) => {
    await start(refuse(status, { message }));
    for (let nth = 0; nth < 3; nth++) {
      const response = await list();
      await response.text();
      expect([401, 403, 503]).toContain(response.status);
    }
    expect(calls()).toBe(3);
    expect(await chat()).toBe(200);
    const { credentials, cooldowns } = relay.relay.status();
    expect([credentials[0]!.disabled, cooldowns]).toEqual([undefined, []]);
  });

  it("E6 F1 is disabled all the same where the key itself is wrong", async () => {
    await start(refuse(401, { message: "Incorrect API key provided", code: "invalid_api_key" }));
    await (await list()).text();
    expect(relay.relay.status().credentials[0]!.disabled).toMatchObject({ cause: "auth" });
  });

  it("F1 is not disabled for missing scopes of the models' answers either", async () => {
    relay = await startRelay({ count: 1, limits: { maxWait: 0 } });
    const message = "Missing scopes: model.request";
    relay.upstream.script({ then: refuse(403, { message }) });
    expect(await chat()).toBe(403);
    const { credentials, cooldowns } = relay.relay.status();
    expect(credentials[0]!.disabled).toBeUndefined();
    expect(cooldowns).toMatchObject([{ reason: "FORBIDDEN", retryAfter: 600 }]);
  });
});

describe("counting tokens", () => {
  const body = JSON.stringify({ model: "claude-sonnet-5", messages: [] });
  const post = async (path: string): Promise<number> => {
    const headers = { "content-type": "application/json", "anthropic-version": "2023-06-01" };
    const response = await fetch(`${relay.url}${path}`, { method: "POST", headers, body });
    await response.text();
    return response.status;
  };
  const startClaude = (then: Behaviour): Promise<void> =>
    start(then, {
      upstream: { dialect: "anthropic" },
      credentials: [{ id: "c1", apiKey: secretOf("c1") }],
    });
  const count = (): Promise<number> => post("/messages/count_tokens");
  const ask = (): Promise<number> => post("/messages");

  it("E8 is missing at a gateway, which closes no model", async () => {
    await startClaude({
      reply: {
        status: 404,
        headers: { "content-type": "application/json" },
        body: '{"detail":"Not Found"}',
      },
    });
    expect([await count(), await count(), await ask()]).toEqual([404, 404, 200]);
    expect(relay.relay.status().cooldowns).toEqual([]);
  });

  it("D3 has a limit of its own: messages are served while it is closed, and it is not called again", async () => {
    await startClaude({ refuse: { kind: "rate-limit", wait: 60_000 } });
    expect([await count(), await count(), await ask()]).toEqual([429, 429, 200]);
    expect(calls()).toBe(2);
    expect(relay.relay.status().cooldowns).toMatchObject([
      { credential: "c1", family: "(COUNT) claude-sonnet-5" },
    ]);
  });

  it("D3 is served while the model's messages are limited", async () => {
    await startClaude({});
    relay.upstream.script({
      when: { path: "*/messages" },
      then: { refuse: { kind: "rate-limit", wait: 60_000 } },
    });
    expect([await ask(), await count(), await ask()]).toEqual([429, 200, 429]);
  });

  it("F2 does not open the circuit of messages when it fails, and leaves a circuit's count as it is", async () => {
    await startClaude({ refuse: "server-error" });
    for (let nth = 0; nth < 8; nth++) expect(await count()).toBe(500);
    expect(relay.relay.status().circuits).toEqual([]);
    expect(await ask()).toBe(200);
  });
});
