import { afterAll, beforeAll, expect, it } from "vitest";
import { createSimulator } from "../../simulator/index.ts";
import type { Simulator } from "../../simulator/index.ts";
import { ask } from "./client.ts";

let upstream: Simulator;
beforeAll(async () => {
  upstream = await createSimulator({ rules: [{ then: { text: ["one ", "two"] } }] });
});
afterAll(() => upstream.close());

it("streams Google's JSON array where no events are requested", async () => {
  const response = await ask(upstream, {}, { path: "/v1/models/gemini:streamGenerateContent" });
  expect(response.headers.get("content-type")).toContain("application/json");
  const parts = (await response.json()) as { candidates: { content: object }[] }[];
  expect(parts).toHaveLength(3);
  expect(parts[1]?.candidates[0]?.content).toEqual({ parts: [{ text: "two" }], role: "model" });
});

it("ends lines of Google's events as Google does", async () => {
  const response = await ask(
    upstream,
    {},
    { path: "/v1beta/models/gemini:streamGenerateContent?alt=sse" },
  );
  expect((await response.text()).split("\r\n\r\n")).toHaveLength(4);
});

it("streams NDJSON, events or JSON under the generic path", async () => {
  const lines = await ask(upstream, { x: 1 }, { path: "/generic/anything/ndjson" });
  expect(lines.headers.get("content-type")).toBe("application/x-ndjson");
  expect((await lines.text()).split("\n")[2]).toBe('{"done":true}');
  const events = await ask(upstream, { stream: true }, { path: "/generic" });
  expect(await events.text()).toContain('data: {"index":1,"text":"two"}\n\nevent: done\n');
  const json = await ask(upstream, { x: 1 }, { path: "/generic/json" });
  expect(await json.json()).toMatchObject({ echo: { x: 1 }, text: "one two" });
});

it("cuts NDJSON in the middle of a line", async () => {
  upstream.script({ then: { cut: { inEvent: 2 } } });
  const response = await ask(upstream, { x: 2 }, { path: "/generic/ndjson" });
  await expect(response.text()).rejects.toThrow("terminated");
  const call = await upstream.ledger.next((one) => one.end === "cut by us");
  expect(call.sent?.toString()).toMatch(/^\{[^\n]+\n\{[^\n]*[^}]$/);
});

it.each([
  ["choice", "/v1/chat/completions", '"finish_reason":"error"'],
  ["response", "/v1/responses", "event: response.failed"],
] as const)("puts an error into a %s", async (shape, path, expected) => {
  upstream.script({
    then: { error: { at: "after-lifecycle", shape, kind: "rate-limit", wait: 5000 } },
  });
  const body = await (await ask(upstream, { stream: true, model: "m" }, { path })).text();
  expect(body).toContain(expected);
  expect(body).toContain("Please try again in 5s.");
  expect(upstream.ledger.last()).toMatchObject({ status: 200, events: 0 });
});

it("sends a literal error as the first event", async () => {
  upstream.script({ then: { error: { raw: 'data: {"oops":1}\n\n' } } });
  const body = await (await ask(upstream, { stream: true }, {})).text();
  expect(body).toBe('data: {"oops":1}\n\n');
});

it.each([
  ["html-502", 502, "Bad Gateway"],
  ["html-504", 504, "Gateway Time-out"],
  ["html-524", 524, "Error code 524"],
] as const)("answers with a proxy's page: %s", async (refuse, status, words) => {
  upstream.script({ then: { refuse } });
  const response = await ask(upstream, {});
  expect([response.status, response.headers.get("content-type")]).toEqual([status, "text/html"]);
  expect(await response.text()).toContain(words);
});
