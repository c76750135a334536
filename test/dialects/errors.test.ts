import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Anthropic from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { afterEach, describe, expect, it } from "vitest";
import type { RenderedError } from "../../src/contract/dialect.ts";
import { DIALECTS } from "../../src/dialects/builtin.ts";

const ERROR: RenderedError = {
  status: 429,
  code: "ERR_RELAY_ALL_LIMITED",
  type: "rate_limit_exceeded",
  message: 'All credentials are limited:\n"retry" in 12 s\u2028.',
  data: { retry_after: 12, upstream: "acme", model: "m" },
};

let server: Server | undefined;
afterEach(() => server?.close());

/** Answers every request with the given body; returns the base URL. */
async function answer(status: number, type: string, body: string): Promise<string> {
  server = createServer((_, response) => {
    response.writeHead(status, { "content-type": type, "x-should-retry": "false" });
    response.end(body);
  });
  await new Promise<void>((listening) => server!.listen(0, "127.0.0.1", listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function refused(name: string): Promise<string> {
  return answer(ERROR.status, "application/json", DIALECTS[name]!.renderError(ERROR));
}

/** A stream that has begun and then carries the relay's error event. */
function brokenOff(name: string, begun: string): Promise<string> {
  return answer(200, "text/event-stream", begun + DIALECTS[name]!.renderErrorEvent(ERROR));
}

async function caught(act: () => Promise<unknown>): Promise<unknown> {
  try {
    return await act();
  } catch (error) {
    return error;
  }
}

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

const MESSAGES: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "Hi" }];

describe("an error answer", () => {
  it("E3 is a RateLimitError to OpenAI's client", async () => {
    const client = new OpenAI({ apiKey: "k", baseURL: await refused("openai") });
    const error = await caught(() =>
      client.chat.completions.create({ model: "m", messages: MESSAGES }),
    );
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({
      status: 429,
      code: ERROR.code,
      type: ERROR.type,
      error: ERROR.data,
    });
    expect((error as Error).message).toContain(ERROR.message);
  });

  it("E3 is a RateLimitError to Anthropic's client", async () => {
    const client = new Anthropic({ apiKey: "k", baseURL: await refused("anthropic") });
    const error = await caught(() =>
      client.messages.create({
        model: "m",
        max_tokens: 9,
        messages: [{ role: "user", content: "Hi" }],
      }),
    );
    expect(error).toBeInstanceOf(Anthropic.RateLimitError);
    expect(error).toMatchObject({
      error: {
        type: "error",
        error: { message: ERROR.message, code: ERROR.code, type: ERROR.type, ...ERROR.data },
      },
    });
  });

  it("E3 is an ApiError to Google's client", async () => {
    const client = new GoogleGenAI({
      apiKey: "k",
      httpOptions: { baseUrl: await refused("google") },
    });
    const error = await caught(() => client.models.generateContent({ model: "m", contents: "Hi" }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 429 });
    const body: unknown = JSON.parse((error as ApiError).message);
    expect(body).toMatchObject({
      error: {
        code: 429,
        status: "RESOURCE_EXHAUSTED",
        reason: ERROR.code,
        type: ERROR.type,
        ...ERROR.data,
      },
    });
  });
});

describe("an error event", () => {
  it("I3 ends OpenAI's chat stream with an APIError", async () => {
    const begun = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: "Hi" } }] })}\n\n`;
    const client = new OpenAI({ apiKey: "k", baseURL: await brokenOff("openai", begun) });
    const error = await caught(async () =>
      drain(await client.chat.completions.create({ model: "m", messages: MESSAGES, stream: true })),
    );
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ code: ERROR.code, type: ERROR.type });
  });

  it("I3 ends OpenAI's response stream with an APIError", async () => {
    const begun = `event: response.created\ndata: ${JSON.stringify({ type: "response.created", response: {} })}\n\n`;
    const client = new OpenAI({ apiKey: "k", baseURL: await brokenOff("openai", begun) });
    const error = await caught(async () =>
      drain(await client.responses.create({ model: "m", input: "Hi", stream: true })),
    );
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ code: ERROR.code });
  });

  it("I3 ends Anthropic's stream with an APIError", async () => {
    const begun = `event: ping\ndata: {"type":"ping"}\n\n`;
    const client = new Anthropic({ apiKey: "k", baseURL: await brokenOff("anthropic", begun) });
    const error = await caught(async () =>
      drain(
        await client.messages.create({
          model: "m",
          max_tokens: 9,
          messages: [{ role: "user", content: "Hi" }],
          stream: true,
        }),
      ),
    );
    expect(error).toBeInstanceOf(Anthropic.APIError);
    expect(error).toMatchObject({ error: { error: { code: ERROR.code } } });
  });

  it("I3 ends Google's stream with an ApiError", async () => {
    const begun = `data: ${JSON.stringify({ candidates: [{ content: { parts: [{ text: "Hi" }] } }] })}\n\n`;
    const client = new GoogleGenAI({
      apiKey: "k",
      httpOptions: { baseUrl: await brokenOff("google", begun) },
    });
    const error = await caught(async () =>
      drain(await client.models.generateContentStream({ model: "m", contents: "Hi" })),
    );
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 429 });
  });

  it.each(Object.values(DIALECTS))(
    "I3 of $name is one complete event that its own dialect reads as an error",
    (dialect) => {
      const text = dialect.renderErrorEvent(ERROR);
      const lines = text.split("\n");
      expect(text.endsWith("\n\n")).toBe(true);
      expect(lines.filter((line) => line.startsWith("data: "))).toHaveLength(1);
      const data = lines.find((line) => line.startsWith("data: "))!.slice(6);
      const name = lines.find((line) => line.startsWith("event: "))?.slice(7) ?? "";
      expect(dialect.classifyEvent({ name, data })).toBe("error");
      expect(dialect.mayBeSignificant({ name, data })).toBe(true);
    },
  );

  it("D10 states a wait that Google's clients understand", () => {
    const { error } = JSON.parse(DIALECTS["google"]!.renderError(ERROR)) as {
      error: { details: unknown[] };
    };
    expect(error.details).toContainEqual({
      "@type": "type.googleapis.com/google.rpc.RetryInfo",
      retryDelay: "12s",
    });
  });
});
