/** Answers under a 200 that say nothing, or say why there is none. */
import { afterEach, describe, expect, it } from "vitest";
import { type Behaviour, createSimulator } from "../../simulator/index.ts";
import type { UpstreamOptions } from "../../src/options/upstream-types.ts";
import { createRealClock } from "../support/real-clock.ts";
import { makeCredentials, type RelayUnderTest, secretOf, startRelay } from "../support/relay.ts";

let relay: RelayUnderTest;
afterEach(async () => {
  await relay.close();
  await relay.upstream.close();
});

async function start(upstream: Partial<UpstreamOptions> = {}): Promise<void> {
  const ids = makeCredentials(2).map(({ id }) => id);
  const keep = await createSimulator({
    keys: Object.fromEntries(ids.map((id) => [id, secretOf(id)])),
  });
  const baseURL = upstream.dialect === "google" ? keep.url : `${keep.url}/v1`;
  relay = await startRelay({
    clock: createRealClock(),
    keep,
    upstream: { baseURL, ...upstream },
  });
}

describe("a 200 that is no answer", () => {
  const json = (body: unknown, type = "application/json"): Behaviour => ({
    reply: {
      status: 200,
      headers: { "content-type": type },
      body: typeof body === "string" ? body : JSON.stringify(body),
    },
  });
  const EMPTY = {
    candidates: [{ content: { role: "model" }, finishReason: "STOP" }],
    usageMetadata: { promptTokenCount: 12, totalTokenCount: 12 },
  };

  it.each<[string, unknown, string]>([
    [
      "error_code and error_msg",
      { error_code: 17, error_msg: "Daily limit reached" },
      "application/json",
    ],
    [
      "a code and words in brackets",
      "[1305][该模型当前访问量过大，请您稍后再试]",
      "application/json",
    ],
    [
      "the same as an event stream",
      "[1305][该模型当前访问量过大，请您稍后再试]",
      "text/event-stream",
    ],
    ["blank lines", "\n\n \n", "application/json"],
    ["blank lines as an event stream", "\n\n\n", "text/event-stream"],
  ])("B10 E13 %s: another attempt answers", async (_name, body, type) => {
    await start();
    relay.upstream.script({ when: { first: 1 }, then: json(body, type) });
    const response = await relay.chat({ stream: type === "text/event-stream" });
    expect(await response.text()).not.toContain("1305");
    expect([response.status, relay.upstream.ledger.total]).toEqual([200, 2]);
  });

  it.each([
    ["alt=sse", ":streamGenerateContent?alt=sse", "text/event-stream"],
    ["JSON", ":generateContent", "application/json"],
  ])(
    "E13 Gemini's STOP without a part is empty (%s): another attempt answers",
    async (_name, verb, type) => {
      await start({ dialect: "google" });
      const body = type === "application/json" ? EMPTY : `data: ${JSON.stringify(EMPTY)}\n\n`;
      relay.upstream.script({ when: { first: 1 }, then: json(body, type) });
      const response = await fetch(`${relay.url}/v1beta/models/gemini-3-pro${verb}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ contents: [{ parts: [{ text: "Hi" }] }] }),
      });
      expect(await response.text()).toContain('"text"');
      expect([response.status, relay.upstream.ledger.total]).toEqual([200, 2]);
      expect(relay.relay.status().cooldowns).toEqual([]);
    },
  );

  it.each([
    ["a list of numbers", [1, 2, 3]],
    ["an empty list", []],
    ["a text with a number", "1305"],
  ])("B10 passes %s unchanged", async (_name, body) => {
    await start();
    const text = JSON.stringify(body);
    relay.upstream.script({ then: json(text) });
    const response = await relay.chat({ stream: false });
    expect([response.status, await response.text()]).toEqual([200, text]);
  });
});
