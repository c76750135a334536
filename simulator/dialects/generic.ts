// Any API that streams: an echo as server-sent events, NDJSON or JSON.
import type { Ask } from "../ask.ts";
import type { Draft } from "../frames.ts";

/** Yields one event for each piece of text, then one named `done`. */
export function* genericEvents(ask: Ask): Generator<Draft> {
  yield* items(ask, (data) => `data: ${data}\n\n`);
  yield { name: "done", data: JSON.stringify({ done: true }), kind: "terminal" };
}

/** Yields one line of JSON for each piece of text, then `{"done":true}`. */
export function* genericLines(ask: Ask): Generator<Draft> {
  for (const { data, kind } of items(ask, (line) => `${line}\n`)) yield { data: `${data}\n`, kind };
  yield { data: `${JSON.stringify({ done: true })}\n`, kind: "terminal" };
}

/** Returns the request, and the complete text. */
export function genericJson(ask: Ask): object {
  return { id: ask.id, echo: ask.json ?? null, text: ask.text() };
}

function* items(ask: Ask, frame: (data: string) => string): Generator<Draft> {
  let index = 0;
  const item = (text: string): string => JSON.stringify({ index, text });
  for (const text of ask.pieces((piece) => frame(item(piece)))) {
    yield { data: item(text), kind: "payload" };
    index++;
  }
}
