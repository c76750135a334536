// Generated content as Google's Gemini API writes it.
import type { Ask } from "../ask.ts";
import type { Draft } from "../frames.ts";

/** Yields the responses of a stream; the last one carries the finish reason and no text. */
export function* contentEvents(ask: Ask): Generator<Draft> {
  const piece = (text: string): string => JSON.stringify(contentOf(ask, text, undefined));
  for (const text of ask.pieces((one) => `data: ${piece(one)}\r\n\r\n`)) {
    yield { data: piece(text), kind: "payload" };
  }
  yield { data: JSON.stringify(contentOf(ask, "", "STOP")), kind: "terminal" };
}

/** Yields the same as one JSON array, the format without `alt=sse`. */
export function* contentArray(ask: Ask): Generator<Draft> {
  let opening = "[";
  for (const { data, kind } of contentEvents(ask)) {
    yield { data: opening + data + (kind === "terminal" ? "\n]\n" : ""), kind };
    opening = "\n,\r\n";
  }
}

/** Returns the complete content. */
export function contentJson(ask: Ask): object {
  return contentOf(ask, ask.text(), "STOP");
}

function contentOf(ask: Ask, text: string, finishReason: string | undefined): object {
  return {
    candidates: [{ content: { parts: [{ text }], role: "model" }, finishReason, index: 0 }],
    usageMetadata: {
      promptTokenCount: ask.inputTokens,
      candidatesTokenCount: ask.events,
      totalTokenCount: ask.inputTokens + ask.events,
    },
    modelVersion: ask.model,
    responseId: ask.id,
  };
}
