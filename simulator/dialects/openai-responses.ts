// The Responses API as OpenAI writes it.
import type { Ask } from "../ask.ts";
import type { Draft, FrameKind } from "../frames.ts";

const CREATED = 1_767_225_600;

/** Yields the events of a streamed response; there is no `[DONE]`. */
export function* responseEvents(ask: Ask): Generator<Draft> {
  let sequence = 0;
  const event = (kind: FrameKind, type: string, fields: object): Draft => {
    const data = JSON.stringify({ type, sequence_number: sequence++, ...fields });
    return { name: type, data, kind };
  };
  const place = { item_id: `msg_${ask.id}`, output_index: 0, content_index: 0 };
  const delta = (text: string): object => ({ ...place, delta: text, logprobs: [] });
  const begun = responseOf(ask, "in_progress", [], null);
  yield event("lifecycle", "response.created", { response: begun });
  yield event("lifecycle", "response.in_progress", { response: begun });
  const item = itemOf(ask, "in_progress", []);
  yield event("lifecycle", "response.output_item.added", { output_index: 0, item });
  yield event("lifecycle", "response.content_part.added", { ...place, part: partOf("") });
  for (const text of ask.pieces((piece) => sizeSample(delta(piece)))) {
    yield event("payload", "response.output_text.delta", delta(text));
  }
  yield* closing(ask, event, place);
}

/** Returns a complete response. */
export function responseJson(ask: Ask): object {
  return responseOf(
    ask,
    "completed",
    [itemOf(ask, "completed", [partOf(ask.text())])],
    usageOf(ask),
  );
}

function* closing(
  ask: Ask,
  event: (kind: FrameKind, type: string, fields: object) => Draft,
  place: object,
): Generator<Draft> {
  const text = ask.text();
  const item = itemOf(ask, "completed", [partOf(text)]);
  yield event("closing", "response.output_text.done", { ...place, text, logprobs: [] });
  yield event("closing", "response.content_part.done", { ...place, part: partOf(text) });
  yield event("closing", "response.output_item.done", { output_index: 0, item });
  const response = responseOf(ask, "completed", [item], usageOf(ask));
  yield event("terminal", "response.completed", { response });
}

function sizeSample(fields: object): string {
  const data = JSON.stringify({
    type: "response.output_text.delta",
    sequence_number: 10,
    ...fields,
  });
  return `event: response.output_text.delta\ndata: ${data}\n\n`;
}

function responseOf(ask: Ask, status: string, output: object[], usage: object | null): object {
  return {
    id: `resp_${ask.id}`,
    object: "response",
    created_at: CREATED,
    status,
    background: false,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: null,
    model: ask.model,
    output,
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    store: true,
    temperature: 1,
    text: { format: { type: "text" } },
    tool_choice: "auto",
    tools: [],
    top_p: 1,
    truncation: "disabled",
    usage,
    metadata: {},
  };
}

function itemOf(ask: Ask, status: string, content: object[]): object {
  return { id: `msg_${ask.id}`, type: "message", status, role: "assistant", content };
}

function partOf(text: string): object {
  return { type: "output_text", annotations: [], logprobs: [], text };
}

function usageOf(ask: Ask): object {
  return {
    input_tokens: ask.inputTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: ask.events,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: ask.inputTokens + ask.events,
  };
}
