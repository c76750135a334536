import { describe, expect, it } from "vitest";
import { anthropic } from "../../src/dialects/anthropic.ts";
import { google } from "../../src/dialects/google.ts";
import { openai } from "../../src/dialects/openai.ts";
import { UsageNotes } from "../../src/stream/usage-notes.ts";

function notes(...events: unknown[]): UsageNotes {
  const usage = new UsageNotes();
  for (const event of events) usage.see(JSON.stringify(event));
  return usage;
}

describe("usage in the bytes", () => {
  it("I17 is the last of several counts", () => {
    const counts = [1, 2, 3].map((many) => ({
      usageMetadata: { promptTokenCount: 9, totalTokenCount: many },
    }));
    expect(notes(...counts).read(google)).toEqual({ inputTokens: 9, totalTokens: 3 });
  });

  it("I17 includes fields that only the first event has", () => {
    const usage = notes(
      { type: "message_start", message: { usage: { input_tokens: 7, output_tokens: 1 } } },
      { type: "message_delta", usage: { output_tokens: 30 } },
    );
    expect(usage.read(anthropic)).toEqual({ inputTokens: 7, outputTokens: 30 });
  });

  it("I17 is not found in a text that mentions it", () => {
    const counts = { usage: { prompt_tokens: 1, completion_tokens: 2 } };
    const talk = { choices: [{ delta: { content: `the "usage": {} field` } }] };
    expect(notes(talk, counts, talk).read(openai)).toEqual({ inputTokens: 1, outputTokens: 2 });
  });

  it("I17 is found at the end of a body that was not kept", () => {
    const body = JSON.stringify({
      data: "x".repeat(9_000),
      usage: { prompt_tokens: 5, details: { a: 1 } },
    });
    const usage = new UsageNotes();
    usage.seeTail(body);
    expect(usage.read(openai)).toEqual({ inputTokens: 5 });
  });

  it("I17 is undefined where none was sent", () => {
    expect(notes({ choices: [] }).read(openai)).toBeUndefined();
    const usage = new UsageNotes();
    usage.seeTail(`{"usage": {"prompt_tokens": `);
    expect(usage.read(openai)).toBeUndefined();
  });
});
