// Chat completions as OpenAI's API writes them.
import type { Ask } from "../ask.ts";
import type { Draft } from "../frames.ts";
import { fieldOf } from "../inbound.ts";

const CREATED = 1_767_225_600;

/** Yields the events of a streamed chat completion. */
export function* chatEvents(ask: Ask): Generator<Draft> {
  const chunk = (choices: unknown[], more: object = {}): string =>
    JSON.stringify({ ...frameOf(ask, "chat.completion.chunk"), choices, ...more });
  const delta = (text: string): string => chunk([choiceOf({ content: text }, null)]);
  yield { data: chunk([choiceOf({ role: "assistant", content: "" }, null)]), kind: "lifecycle" };
  for (const text of ask.pieces((piece) => `data: ${delta(piece)}\n\n`)) {
    yield { data: delta(text), kind: "payload" };
  }
  yield { data: chunk([choiceOf({}, "stop")]), kind: "closing" };
  if (fieldOf(fieldOf(ask.json, "stream_options"), "include_usage") === true) {
    yield { data: chunk([], { usage: usageOf(ask) }), kind: "closing" };
  }
  yield { data: "[DONE]", kind: "terminal" };
}

/** Returns a complete chat completion. */
export function chatJson(ask: Ask): object {
  const message = { role: "assistant", content: ask.text(), refusal: null };
  return {
    ...frameOf(ask, "chat.completion"),
    choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
    usage: usageOf(ask),
  };
}

function frameOf(ask: Ask, object: string): object {
  return { id: `chatcmpl-${ask.id}`, object, created: CREATED, model: ask.model };
}

function choiceOf(delta: object, reason: string | null): object {
  return { index: 0, delta, finish_reason: reason };
}

function usageOf(ask: Ask): object {
  const total = ask.inputTokens + ask.events;
  return { prompt_tokens: ask.inputTokens, completion_tokens: ask.events, total_tokens: total };
}
