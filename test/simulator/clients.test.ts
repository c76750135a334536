import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createSimulator } from "../../simulator/index.ts";
import type { Simulator } from "../../simulator/index.ts";

const TEXT = ["Grüße", " aus ", "東京 🚀"];
const WHOLE = TEXT.join("");

let upstream: Simulator;
let openai: OpenAI;
let anthropic: Anthropic;
let google: GoogleGenAI;

beforeAll(async () => {
  upstream = await createSimulator();
  openai = new OpenAI({ apiKey: "sk-one", baseURL: `${upstream.url}/v1`, maxRetries: 0 });
  anthropic = new Anthropic({ apiKey: "sk-ant", baseURL: upstream.url, maxRetries: 0 });
  google = new GoogleGenAI({ apiKey: "AIza", httpOptions: { baseUrl: upstream.url } });
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.ledger.reset();
  upstream.script({ then: { text: TEXT } });
});

const MESSAGES = [{ role: "user" as const, content: "Hello" }];

it("is understood by OpenAI's client: a streamed chat with usage", async () => {
  const stream = await openai.chat.completions.create({
    model: "gpt-5",
    messages: MESSAGES,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let usage: unknown;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  expect(text).toBe(WHOLE);
  expect(usage).toMatchObject({ completion_tokens: 3 });
  expect(upstream.ledger.last()).toMatchObject({
    dialect: "openai",
    model: "gpt-5",
    secret: "sk-one",
  });
});

it("is understood by OpenAI's client: a complete chat", async () => {
  const answer = await openai.chat.completions.create({ model: "gpt-5", messages: MESSAGES });
  expect(answer.choices[0]?.message.content).toBe(WHOLE);
  expect(answer.usage?.total_tokens).toBeGreaterThan(3);
});

it("is understood by OpenAI's client: responses, streamed and complete", async () => {
  const stream = openai.responses.stream({ model: "gpt-5", input: "Hello" });
  let text = "";
  stream.on("response.output_text.delta", (event) => void (text += event.delta));
  const final = await stream.finalResponse();
  const whole = await openai.responses.create({ model: "gpt-5", input: "Hello" });
  expect(text).toBe(WHOLE);
  expect(final.output_text).toBe(WHOLE);
  expect(whole.output_text).toBe(WHOLE);
  expect(whole.usage?.output_tokens).toBe(3);
});

it("is understood by OpenAI's client: models and embeddings", async () => {
  const models = await openai.models.list();
  const vectors = await openai.embeddings.create({ model: "small", input: ["one", "two"] });
  const plain = await openai.embeddings.create({
    model: "small",
    input: "one",
    encoding_format: "float",
  });
  expect(models.data.map((model) => model.id)).toContain("gpt-5");
  expect(vectors.data).toHaveLength(2);
  expect([...(vectors.data[0]?.embedding ?? [])]).toEqual(plain.data[0]?.embedding);
});

it("is understood by Anthropic's client, streamed and complete", async () => {
  const ask = { model: "claude-simulated", max_tokens: 64, messages: MESSAGES };
  const streamed = await anthropic.messages.stream(ask).finalMessage();
  const whole = await anthropic.messages.create(ask);
  const counted = await anthropic.messages.countTokens({ model: ask.model, messages: MESSAGES });
  expect(streamed.content).toMatchObject([{ type: "text", text: WHOLE }]);
  expect(whole.content).toMatchObject([{ type: "text", text: WHOLE }]);
  expect(streamed.usage.output_tokens).toBe(3);
  expect(counted.input_tokens).toBeGreaterThan(0);
  expect(upstream.ledger.byCredential("claude-simulated")).toEqual({ c2: 3 });
});

it("recognises a request for Anthropic's list of models by the version header", async () => {
  const page = await anthropic.models.list();
  expect(page.data[0]).toMatchObject({ type: "model" });
  expect(upstream.ledger.last()).toMatchObject({ dialect: "anthropic", operation: "models" });
});

it("is understood by Google's client, streamed and complete", async () => {
  const ask = { model: "gemini-2.5-pro", contents: "Hello" };
  let text = "";
  for await (const chunk of await google.models.generateContentStream(ask))
    text += chunk.text ?? "";
  const whole = await google.models.generateContent(ask);
  expect(text).toBe(WHOLE);
  expect(whole.text).toBe(WHOLE);
  expect(whole.usageMetadata?.candidatesTokenCount).toBe(3);
  expect(upstream.ledger.last()).toMatchObject({
    dialect: "google",
    secret: "AIza",
    model: "gemini-2.5-pro",
  });
});

it("refuses in the format of each client", async () => {
  upstream.script({ then: { refuse: { kind: "rate-limit", wait: 2000 } } });
  const chat = openai.chat.completions.create({ model: "gpt-5", messages: MESSAGES });
  await expect(chat).rejects.toMatchObject({ status: 429, code: "rate_limit_exceeded" });
  const message = anthropic.messages.create({ model: "claude", max_tokens: 9, messages: MESSAGES });
  await expect(message).rejects.toMatchObject({ status: 429, type: "rate_limit_error" });
  const content = google.models.generateContent({ model: "gemini", contents: "Hello" });
  await expect(content).rejects.toMatchObject({ status: 429 });
});

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

it("puts errors into a stream where each client finds them", async () => {
  upstream.script({ then: { error: { at: { afterEvents: 1 }, kind: "overloaded" } } });
  const chat = openai.chat.completions.create({ model: "gpt-5", messages: MESSAGES, stream: true });
  await expect(drain(await chat)).rejects.toThrow("Overloaded");
  const response = openai.responses.create({ model: "gpt-5", input: "Hello", stream: true });
  await expect(drain(await response)).rejects.toThrow("Overloaded");
  const message = anthropic.messages.stream({ model: "claude", max_tokens: 9, messages: MESSAGES });
  await expect(message.finalMessage()).rejects.toThrow("Overloaded");
  expect(upstream.ledger.calls.map((call) => call.events)).toEqual([1, 1, 1]);
});

it("counts tokens for Google's and OpenAI's clients", async () => {
  const counted = await google.models.countTokens({ model: "gemini-2.5-pro", contents: "Hello" });
  expect(counted.totalTokens).toBeGreaterThan(0);
  expect(upstream.ledger.last()).toMatchObject({
    dialect: "google",
    operation: "count-tokens",
    model: "gemini-2.5-pro",
  });
  const { input_tokens } = await openai.responses.inputTokens.count({
    model: "gpt-5",
    input: "Hi",
  });
  expect(input_tokens).toBeGreaterThan(0);
  expect(upstream.ledger.last()).toMatchObject({ dialect: "openai", operation: "count-tokens" });
});
