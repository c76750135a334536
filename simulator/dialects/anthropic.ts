// Messages as Anthropic's API writes them.
import type { Ask } from "../ask.ts";
import type { Draft, FrameKind } from "../frames.ts";

/** Yields the events of a streamed message. */
export function* messageEvents(ask: Ask): Generator<Draft> {
  const message = messageOf(ask, [], null, { input_tokens: ask.inputTokens, output_tokens: 1 });
  yield event("lifecycle", "message_start", { message });
  yield event("lifecycle", "content_block_start", {
    index: 0,
    content_block: { type: "text", text: "" },
  });
  yield event("lifecycle", "ping", {});
  for (const text of ask.pieces((piece) => sizeSample(deltaOf(piece)))) {
    yield event("payload", "content_block_delta", deltaOf(text));
  }
  yield event("closing", "content_block_stop", { index: 0 });
  yield event("closing", "message_delta", {
    delta: { stop_reason: "end_turn", stop_sequence: null },
    usage: { output_tokens: ask.events },
  });
  yield event("terminal", "message_stop", {});
}

/** Returns a complete message. */
export function messageJson(ask: Ask): object {
  const usage = { input_tokens: ask.inputTokens, output_tokens: ask.events };
  return messageOf(ask, [{ type: "text", text: ask.text() }], "end_turn", usage);
}

function event(kind: FrameKind, type: string, fields: object): Draft {
  return { name: type, data: JSON.stringify({ type, ...fields }), kind };
}

function deltaOf(text: string): object {
  return { index: 0, delta: { type: "text_delta", text } };
}

function sizeSample(fields: object): string {
  const { name, data } = event("payload", "content_block_delta", fields);
  return `event: ${name}\ndata: ${data}\n\n`;
}

function messageOf(ask: Ask, content: object[], reason: string | null, usage: object): object {
  return {
    id: `msg_${ask.id}`,
    type: "message",
    role: "assistant",
    model: ask.model,
    content,
    stop_reason: reason,
    stop_sequence: null,
    usage,
  };
}
