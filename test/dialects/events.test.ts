import { describe, expect, it } from "vitest";
import type { EventMeaning } from "../../src/contract/dialect.ts";
import { DIALECTS } from "../../src/dialects/builtin.ts";

type Row = [says: string, name: string, data: unknown, meaning: EventMeaning];

const chunk = (delta: object, more: object = {}): object => ({
  object: "chat.completion.chunk",
  choices: [{ index: 0, delta, finish_reason: null, ...more }],
});

const OPENAI: Row[] = [
  ["a role alone", "", chunk({ role: "assistant", content: "" }), "lifecycle"],
  [
    "a role with a null refusal",
    "",
    chunk({ role: "assistant", content: null, refusal: null }),
    "lifecycle",
  ],
  ["Azure's filter results", "", { choices: [], prompt_filter_results: [{}] }, "lifecycle"],
  ["a chunk of usage", "", { choices: [], usage: { total_tokens: 3 } }, "lifecycle"],
  ["text", "", chunk({ content: "Hi" }), "payload"],
  ["a tool call", "", chunk({ tool_calls: [{ index: 0 }] }), "payload"],
  ["reasoning", "", chunk({ reasoning_content: "hm" }), "payload"],
  ["a refusal", "", chunk({ refusal: "no" }), "payload"],
  ["a finish reason", "", chunk({}, { finish_reason: "stop" }), "payload"],
  ["a legacy completion", "", { choices: [{ text: "Hi", index: 0 }] }, "payload"],
  ["the end", "", "[DONE]", "terminal"],
  ["nothing", "", "", "lifecycle"],
  ["an error at the top", "", { error: { message: "no", code: 429 } }, "error"],
  ["an error as text", "", { error: "no" }, "error"],
  ["a null error beside text", "", { ...chunk({ content: "Hi" }), error: null }, "payload"],
  ["an error in a choice", "", { choices: [{ error: { code: 502 }, delta: {} }] }, "error"],
  ["a choice that finished in error", "", { choices: [{ finish_reason: "error" }] }, "error"],
  ["an error event", "error", { message: "no" }, "error"],
  ["an error event of text", "error", "upstream died", "error"],
  ["a bare code and message", "", { code: "30001", message: "no" }, "error"],
  ["MiniMax's refusal", "", { choices: null, base_resp: { status_code: 1002 } }, "error"],
  [
    "MiniMax's success",
    "",
    { ...chunk({ content: "Hi" }), base_resp: { status_code: 0 } },
    "payload",
  ],
  [
    "response.created",
    "response.created",
    { type: "response.created", response: { error: null } },
    "lifecycle",
  ],
  ["response.in_progress", "", { type: "response.in_progress", response: {} }, "lifecycle"],
  [
    "an item added",
    "response.output_item.added",
    { type: "response.output_item.added", item: {} },
    "lifecycle",
  ],
  [
    "response text",
    "response.output_text.delta",
    { type: "response.output_text.delta", delta: "Hi" },
    "payload",
  ],
  [
    "response.completed",
    "response.completed",
    { type: "response.completed", response: {} },
    "terminal",
  ],
  ["response.incomplete", "", { type: "response.incomplete", response: {} }, "terminal"],
  [
    "response.failed",
    "response.failed",
    { type: "response.failed", response: { error: { code: "server_error" } } },
    "error",
  ],
  [
    "a typed error",
    "error",
    { type: "error", code: "rate_limit_exceeded", message: "no" },
    "error",
  ],
  ["a typed error without a name", "", { type: "error", error: { code: "x" } }, "error"],
  ["speech", "", { type: "speech.audio.delta", audio: "x" }, "payload"],
];

const ANTHROPIC: Row[] = [
  [
    "message_start",
    "message_start",
    { type: "message_start", message: { content: [] } },
    "lifecycle",
  ],
  ["ping", "ping", { type: "ping" }, "lifecycle"],
  [
    "an empty text block",
    "content_block_start",
    { type: "content_block_start", content_block: { type: "text", text: "" } },
    "lifecycle",
  ],
  [
    "an empty tool block",
    "content_block_start",
    {
      type: "content_block_start",
      content_block: { type: "tool_use", id: "t", name: "f", input: {} },
    },
    "lifecycle",
  ],
  [
    "a whole search result",
    "content_block_start",
    {
      type: "content_block_start",
      content_block: { type: "web_search_tool_result", content: [{}] },
    },
    "payload",
  ],
  [
    "redacted thinking",
    "content_block_start",
    { type: "content_block_start", content_block: { type: "redacted_thinking", data: "x" } },
    "payload",
  ],
  [
    "text",
    "content_block_delta",
    { type: "content_block_delta", delta: { type: "text_delta", text: "Hi" } },
    "payload",
  ],
  [
    "a stop reason",
    "message_delta",
    { type: "message_delta", delta: { stop_reason: "end_turn" } },
    "payload",
  ],
  ["message_stop", "message_stop", { type: "message_stop" }, "terminal"],
  ["message_stop without a name", "", { type: "message_stop" }, "terminal"],
  ["an error", "error", { type: "error", error: { type: "overloaded_error" } }, "error"],
  ["an error without a name", "", { type: "error", error: { type: "overloaded_error" } }, "error"],
];

const candidate = (parts: object[], more: object = {}): object => ({
  candidates: [{ content: { role: "model", parts }, ...more }],
});
const GOOGLE: Row[] = [
  ["text", "", candidate([{ text: "Hi" }]), "payload"],
  ["a thought", "", candidate([{ text: "hm", thought: true }]), "payload"],
  ["a call", "", candidate([{ functionCall: { name: "f" } }]), "payload"],
  ["empty text", "", candidate([{ text: "" }]), "lifecycle"],
  ["the end of nothing", "", candidate([{ text: "" }], { finishReason: "STOP" }), "lifecycle"],
  ["another end", "", candidate([], { finishReason: "SAFETY" }), "payload"],
  [
    "the end of counted tokens",
    "",
    { ...candidate([], { finishReason: "STOP" }), usageMetadata: { thoughtsTokenCount: 3 } },
    "payload",
  ],
  ["counts alone", "", { usageMetadata: { promptTokenCount: 3 } }, "lifecycle"],
  ["a blocked prompt", "", { promptFeedback: { blockReason: "SAFETY" } }, "payload"],
  ["Code Assist's text", "", { response: candidate([{ text: "Hi" }]) }, "payload"],
  ["an error", "", { error: { code: 503, status: "UNAVAILABLE" } }, "error"],
  ["an error in a list", "", [{ error: { code: 503 } }], "error"],
];

const GENERIC: Row[] = [
  ["any JSON", "", { anything: 1 }, "payload"],
  ["text", "", "hello", "payload"],
  ["ping", "ping", "{}", "lifecycle"],
  ["nothing", "", "", "lifecycle"],
  ["the end", "", "[DONE]", "terminal"],
  ["an error", "", { error: "no" }, "error"],
  ["an error event", "error", "no", "error"],
];

describe.each([
  ["openai", OPENAI],
  ["anthropic", ANTHROPIC],
  ["google", GOOGLE],
  ["generic", GENERIC],
])("%s", (dialectName, rows) => {
  const dialect = DIALECTS[dialectName]!;
  const events = rows.map(([says, name, data, meaning]) => ({
    says,
    meaning,
    event: { name, data: typeof data === "string" ? data : JSON.stringify(data) },
  }));

  it.each(events)("B10 reads $says as $meaning", ({ event, meaning }) => {
    expect(dialect.classifyEvent(event)).toBe(meaning);
  });

  it.each(events.filter(({ meaning }) => meaning === "error" || meaning === "terminal"))(
    "B12 examines $says again after commit",
    ({ event, says }) => {
      // Neither of these two ends a stream that has begun.
      if (says === "a bare code and message" || says === "MiniMax's refusal") return;
      expect(dialect.mayBeSignificant(event)).toBe(true);
    },
  );

  it("B12 ignores text that mentions errors and ends", () => {
    const talk = JSON.stringify('say "error" and {"type":"message_stop"} and [DONE]');
    const delta = { openai: chunk({ content: talk }), generic: { text: talk } }[dialectName];
    const data = JSON.stringify(delta ?? { type: "content_block_delta", delta: { text: talk } });
    expect(
      dialect.mayBeSignificant({
        name: dialectName === "anthropic" ? "content_block_delta" : "",
        data,
      }),
    ).toBe(false);
  });
});

describe("the end of a stream", () => {
  it.each([
    ["openai", chunk({}, { finish_reason: "stop" }), true],
    ["openai", { choices: [], usage: { total_tokens: 3 } }, true],
    ["openai", chunk({ content: "Hi" }), false],
    ["openai", { type: "response.output_text.delta", delta: "Hi" }, false],
    ["openai", { type: "transcript.text.done", text: "Hi" }, true],
    ["google", candidate([], { finishReason: "STOP" }), true],
    ["google", { promptFeedback: { blockReason: "SAFETY" } }, true],
    ["google", candidate([{ text: "Hi" }]), false],
    ["generic", { anything: 1 }, true],
  ])("B12 in %s may follow %j: %s", (name, data, ends) => {
    expect(DIALECTS[name]!.isCompleteWith!({ name: "", data: JSON.stringify(data) })).toBe(ends);
  });

  it("B12 requires the terminal event in anthropic", () => {
    expect(DIALECTS["anthropic"]!.isCompleteWith).toBeUndefined();
  });
});

describe("usage", () => {
  it.each([
    ["openai", { usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 } }, [3, 5, 8]],
    [
      "openai",
      { response: { usage: { input_tokens: 3, output_tokens: 5, total_tokens: 8 } } },
      [3, 5, 8],
    ],
    ["anthropic", { message: { usage: { input_tokens: 3, output_tokens: 1 } } }, [3, 1, undefined]],
    ["anthropic", { usage: { output_tokens: 5 } }, [undefined, 5, undefined]],
    [
      "google",
      {
        usageMetadata: {
          promptTokenCount: 3,
          candidatesTokenCount: 5,
          thoughtsTokenCount: 2,
          totalTokenCount: 10,
        },
      },
      [3, 7, 10],
    ],
  ])("I17 finds the counts of %s in %j", (name, data, [inputTokens, outputTokens, totalTokens]) => {
    const usage = DIALECTS[name]!.readUsage(JSON.stringify(data));
    expect([usage?.inputTokens, usage?.outputTokens, usage?.totalTokens]).toEqual([
      inputTokens,
      outputTokens,
      totalTokens,
    ]);
  });

  it.each([
    "",
    "[DONE]",
    '{"usage":null}',
    '{"usage":{"total_tokens":"8"}}',
    '{"usage":{',
    '{"choices":[]}',
  ])("I17 finds no counts in %j", (data) => {
    expect(DIALECTS["openai"]!.readUsage(data)).toBeUndefined();
  });
});
