// What a dialect needs to know to write an answer.
import type { Behaviour } from "./behaviour.ts";
import type { Asked } from "./inbound.ts";
import { hash, words } from "./text.ts";

export interface Ask {
  /** 24 hex digits that depend on seed and request alone. */
  id: string;
  model: string;
  /** The request's JSON. */
  json: unknown;
  query: string;
  inputTokens: number;
  /** Payload events to be written. */
  events: number;
  /** Yields the texts of the payload events, padded so that `render(text)` has the size asked for. */
  pieces(render: (text: string) => string): Iterable<string>;
  /** Returns the whole text at once. */
  text(): string;
}

const DEFAULT_EVENTS = 8;

/** Turns a request into what its answer is written from. */
export function toAsk(asked: Asked, behaviour: Behaviour, seed: number): Ask {
  const seeded = hash(asked.path + asked.body.toString("latin1"), seed);
  const events = behaviour.text?.length ?? behaviour.events ?? DEFAULT_EVENTS;
  const source = (): Iterable<string> => behaviour.text ?? words(events, seeded);
  return {
    id: idOf(seeded),
    model: asked.model ?? "simulated-model",
    json: asked.json,
    query: asked.query,
    inputTokens: Math.ceil(asked.body.length / 4),
    events,
    pieces: (render) => padded(source(), behaviour.eventBytes ?? 0, render),
    text: () => [...source()].join(""),
  };
}

function* padded(
  texts: Iterable<string>,
  size: number,
  render: (text: string) => string,
): Generator<string> {
  for (const text of texts) {
    const missing = size - Buffer.byteLength(render(text));
    yield missing > 0 ? text + "x".repeat(missing) : text;
  }
}

function idOf(seeded: number): string {
  const part = seeded.toString(16).padStart(8, "0");
  return part + part.split("").reverse().join("") + part;
}
