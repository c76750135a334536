/** The table of docs/clients.md, checked row by row with the clients themselves. */
import { readFileSync } from "node:fs";
import Anthropic from "@anthropic-ai/sdk";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { GoogleGenAI } from "@google/genai";
import { generateText } from "ai";
import OpenAI from "openai";
import { afterEach, expect, it, vi } from "vitest";
import type { DialectName } from "../../src/options/upstream-types.ts";
import { createRelay } from "../../src/index.ts";

afterEach(() => void vi.unstubAllGlobals());

const text = readFileSync(new URL("../../docs/clients.md", import.meta.url), "utf8");
const rows = [
  ...text.matchAll(/^\| `([^`]+)` \| `"(\w+)"` \| `([^`]+)` \| `([^`]+)` \| `([^`]+)` \|$/gm),
].map(([, ...cells]) => cells as [string, DialectName, string, string, string]);

const messages = [{ role: "user" as const, content: "hi" }];
/** One call of each client; its result does not matter. */
const CALLS: Record<string, (baseURL: string) => Promise<unknown>> = {
  openai: (baseURL) =>
    new OpenAI({ baseURL, apiKey: "k", maxRetries: 0 }).chat.completions.create({
      model: "gpt-5",
      messages,
    }),
  "@anthropic-ai/sdk": (baseURL) =>
    new Anthropic({ baseURL, apiKey: "k", maxRetries: 0 }).messages.create({
      model: "claude-4",
      max_tokens: 1,
      messages,
    }),
  "@google/genai": (baseURL) =>
    new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: baseURL } }).models.generateContent({
      model: "gemini-2.5-pro",
      contents: "hi",
    }),
  "@ai-sdk/openai-compatible": (baseURL) =>
    generateText({
      model: createOpenAICompatible({ name: "relay", baseURL, apiKey: "k" })("gpt-5"),
      prompt: "hi",
      maxRetries: 0,
    }),
};

/** The path that a client's call reaches, and the response that the client gets. */
async function call(
  client: string,
  dialect: DialectName,
  base: string,
  baseURL: string,
): Promise<{ called: string[]; answered: string[] }> {
  const called: string[] = [];
  const answered: string[] = [];
  const relay = createRelay({
    mount: "/ai",
    upstream: { baseURL, dialect },
    credentials: [{ id: "a", apiKey: "sk-a" }],
    transport: "fetch",
    fetch: (url) => {
      called.push(String(url));
      return Promise.resolve(Response.json({}));
    },
    log: false,
  });
  vi.stubGlobal("fetch", async (input: string | URL | Request, init?: RequestInit) => {
    const response = await relay.fetch(new Request(input, init));
    answered.push(await response.clone().text());
    return response;
  });
  // The response is empty, and some clients throw on that.
  await CALLS[client]!(base).catch(() => {});
  await relay.close();
  return { called, answered };
}

it("L6 L7 has a row for each client", () => {
  expect(rows.map(([client]) => client).toSorted()).toEqual(Object.keys(CALLS).toSorted());
});

it.each(rows)("L6 L7 %s (%s): %s and %s", async (client, dialect, base, baseURL, expected) => {
  expect((await call(client, dialect, base, baseURL)).called).toEqual([expected]);
});

it.each(rows.filter(([, dialect]) => dialect !== "openai"))(
  "L7 %s (%s): the text of the 404 leads to a working base URL",
  async (client, dialect, base, baseURL, expected) => {
    const doubled = await call(client, dialect, base, `${baseURL}/v1`);
    expect(doubled.called).toEqual([]);
    expect(doubled.answered[0]).toContain("`upstream.baseURL` must end without a version");
    expect(doubled.answered[0]).toContain("in the client the base URL must end with /ai.");
    const inClient = await call(client, dialect, `${base}/v1`, baseURL);
    expect(inClient.called).toEqual([]);
    expect(inClient.answered[0]).toContain("in the client the base URL must end with /ai.");
    expect((await call(client, dialect, base, baseURL)).called).toEqual([expected]);
  },
);
