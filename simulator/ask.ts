// The information that a dialect needs to write an answer.
import type { Behaviour } from "./behaviour.ts";
import type { Asked } from "./inbound.ts";
import { hash, words } from "./text.ts";

export interface Ask {
  /** 24 hex digits that depend only on the seed and the request. */
  id: string;
  model: string;
  /** The request's JSON. */
  json: unknown;
  inputTokens: number;
  /** Number of payload events to write. */
  events: number;
  /** Yields the texts of the payload events, padded so that `render(text)` has the requested size. */
  pieces(render: (text: string) => string): Iterable<string>;
  /** Returns the complete text. */
  text(): string;
}

const DEFAULT_EVENTS = 8;
const BULK_EVENT_BYTES = 16 * 1024;

/** Reads a request into the information for its answer. */
export function toAsk(asked: Asked, behaviour: Behaviour, seed: number): Ask {
  const seeded = hash(asked.path + asked.body.toString("latin1"), seed);
  const {
    text,
    bodyBytes,
    eventBytes = bodyBytes === undefined ? 0 : BULK_EVENT_BYTES,
  } = behaviour;
  const events = text?.length ?? behaviour.events ?? DEFAULT_EVENTS;
  const source = (count: number): Iterable<string> => text ?? words(count, seeded);
  return {
    id: idOf(seeded),
    model: asked.model ?? "simulated-model",
    json: asked.json,
    inputTokens: Math.ceil(asked.body.length / 4),
    events,
    pieces(render) {
      if (bodyBytes === undefined) return padded(source(events), eventBytes, render);
      return enough(padded(source(Infinity), eventBytes, render), bodyBytes, render);
    },
    text: () => [...source(events)].join(""),
  };
}

function* padded(
  texts: Iterable<string>,
  size: number,
  render: (text: string) => string,
): Generator<string> {
  const empty = size === 0 ? 0 : Buffer.byteLength(render(""));
  for (const text of texts) {
    const missing = size - empty - Buffer.byteLength(text);
    yield missing > 0 ? text + "x".repeat(missing) : text;
  }
}

function* enough(
  texts: Iterable<string>,
  bytes: number,
  render: (text: string) => string,
): Generator<string> {
  const empty = Buffer.byteLength(render(""));
  let missing = bytes;
  for (const text of texts) {
    yield text;
    missing -= empty + Buffer.byteLength(text);
    if (missing <= 0) return;
  }
}

function idOf(seeded: number): string {
  const part = seeded.toString(16).padStart(8, "0");
  return part + part.split("").toReversed().join("") + part;
}
