import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { anthropic } from "../../src/dialects/anthropic.ts";
import { generic } from "../../src/dialects/generic.ts";
import { google } from "../../src/dialects/google.ts";
import { openai } from "../../src/dialects/openai.ts";
import { digestEvent } from "../../src/stream/body/event-digest.ts";

const DIALECTS = [openai, anthropic, google, generic];
const LONG = "x".repeat(70_000);

const EVENTS: object[] = [
  {},
  { error: null },
  { error: { message: "no" } },
  { type: "error" },
  { object: "error" },
  { code: 7, message: "no" },
  { code: 0, message: "ok" },
  { base_resp: { status_code: 1_004 } },
  { choices: [] },
  { choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } },
  { choices: [{ delta: { role: "assistant" } }] },
  { choices: [{ delta: { role: "assistant", content: LONG } }] },
  { choices: [{ delta: { content: "a" }, finish_reason: "stop" }] },
  { choices: [{ finish_reason: "error" }] },
  { choices: [{ error: { code: 1 } }] },
  { choices: [{ message: { content: LONG } }] },
  { type: "response.created", response: { id: "r" } },
  {
    type: "response.completed",
    response: { output: [LONG], usage: { input_tokens: 3, output_tokens: 4 } },
  },
  { type: "response.failed", response: { error: { code: "x" } } },
  { type: "message_start", message: { usage: { input_tokens: 5 } } },
  { type: "message_stop" },
  { type: "content_block_start", content_block: { type: "text", text: "" } },
  {
    type: "content_block_start",
    content_block: { type: "web_search_tool_result", content: [LONG] },
  },
  { candidates: [{ content: { parts: [{ text: "a" }] } }] },
  { candidates: [{ content: { parts: [{ text: "" }, { thought: true }] } }] },
  { candidates: [{ content: { parts: [{ inlineData: { data: LONG } }] } }] },
  { candidates: [{ finishReason: "STOP" }], usageMetadata: { promptTokenCount: 1 } },
  { response: { candidates: [{ finishReason: "STOP" }], usageMetadata: { promptTokenCount: 2 } } },
  { promptFeedback: { blockReason: "SAFETY" } },
  { x_groq: { usage: { total_tokens: 9 } } },
];

describe("a large event", () => {
  it.each(EVENTS)("N4 B10 has the same meaning in its short form: %o", (fields) => {
    for (const dialect of DIALECTS)
      for (const name of ["", "error", "message_stop", "response.completed"])
        for (const wrap of [(it: object) => it, (it: object) => [it]]) {
          const data = JSON.stringify(wrap({ ...fields, pad: LONG }));
          const short = digestEvent({ name, data }, dialect);
          expect(short.data.length).toBeLessThan(20_000);
          expect(dialect.classifyEvent(short)).toBe(dialect.classifyEvent({ name, data }));
          expect(dialect.readUsage(short.data)).toEqual(dialect.readUsage(data));
          expect(dialect.isCompleteWith?.(short)).toBe(dialect.isCompleteWith?.({ name, data }));
        }
  });

  it("N4 of any content has the same meaning in its short form", () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const names = fc.constantFrom(
      "error",
      "type",
      "choices",
      "response",
      "usage",
      "candidates",
      "message",
      "code",
    );
    fc.assert(
      fc.property(fc.dictionary(names, value), fc.nat(3), (fields, at) => {
        const dialect = DIALECTS[at]!;
        const event = { name: "", data: JSON.stringify({ ...fields, pad: LONG }) };
        expect(dialect.classifyEvent(digestEvent(event, dialect))).toBe(
          dialect.classifyEvent(event),
        );
      }),
      { seed: 12, numRuns: 60 },
    );
  });

  it("N4 is not parsed as a tree, unless a dialect does not name its fields", () => {
    const data = `{"error":null,"choices":[],"x":[${"[],".repeat(200_000)}0]}`;
    const parse = vi.spyOn(JSON, "parse");
    try {
      openai.classifyEvent(digestEvent({ name: "", data }, openai));
      expect(Math.max(...parse.mock.calls.map(([text]) => text.length))).toBeLessThan(65_536);
    } finally {
      parse.mockRestore();
    }
    const own = { ...openai, eventPaths: undefined };
    expect(digestEvent({ name: "", data }, own).data).toBe(data);
  });

  it("N4 that is small, or no JSON, is not changed beyond its length", () => {
    const small = { name: "", data: '{"x":1}' };
    expect(digestEvent(small, openai)).toBe(small);
    expect(digestEvent({ name: "", data: `[DONE]${LONG}` }, openai).data).toHaveLength(65_536);
  });
});
