// What is answered: a status, headers, and a body in frames.
import { toAsk } from "./ask.ts";
import type { Ask } from "./ask.ts";
import type { Behaviour } from "./behaviour.ts";
import { dialectAnswer } from "./dialects/index.ts";
import { toEvent } from "./frames.ts";
import type { Draft, Frame } from "./frames.ts";
import type { Asked } from "./inbound.ts";
import { toRefusal } from "./refusals.ts";
import type { Refused } from "./refusals.ts";

export interface Answer {
  status: number;
  headers: Record<string, string | string[]>;
  frames: Iterable<Frame>;
  /** The ask behind a healthy answer. */
  ask: Ask | undefined;
}

/** Body of a healthy answer as a dialect words it: events of a stream, frames of its own, or JSON. */
export type Body =
  | { events: Iterable<Draft> }
  | { frames: Iterable<Draft>; type: string }
  | { json: object };

const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
};

/** Returns what a behaviour makes of a request. */
export function toAnswer(asked: Asked, behaviour: Behaviour, seed: number, now: number): Answer {
  if (behaviour.reply !== undefined) {
    const { status = 200, headers = {}, body = "" } = behaviour.reply;
    return toWhole({ status, headers, body });
  }
  const context = { dialect: asked.dialect, model: asked.model ?? "simulated-model", now };
  if (behaviour.refuse !== undefined) return toWhole(toRefusal(behaviour.refuse, context));
  const ask = toAsk(asked, behaviour, seed);
  const body = dialectAnswer(asked, ask);
  if (body === undefined) return toWhole(toNotFound(asked));
  const answer = { status: 200, ...toBody(body, behaviour), ask };
  return {
    ...answer,
    headers: { ...answer.headers, "x-request-id": `req_${ask.id}`, ...behaviour.headers },
  };
}

/** Turns a finished text into an answer of one frame. */
export function toWhole({ status, headers, body }: Refused): Answer {
  const frames: Frame[] = body === "" ? [] : [{ bytes: Buffer.from(body), kind: "payload" }];
  return { status, headers, frames, ask: undefined };
}

function toBody(body: Body, wire: Behaviour): Pick<Answer, "headers" | "frames"> {
  if ("json" in body) {
    const bytes = Buffer.from(JSON.stringify(body.json));
    return {
      headers: { "content-type": "application/json" },
      frames: [{ bytes, kind: "payload" }],
    };
  }
  if ("events" in body) {
    return { headers: STREAM_HEADERS, frames: each(body.events, (draft) => toEvent(draft, wire)) };
  }
  const toFrame = (draft: Draft): Frame => ({ bytes: Buffer.from(draft.data), kind: draft.kind });
  return { headers: { "content-type": body.type }, frames: each(body.frames, toFrame) };
}

function* each<From, To>(items: Iterable<From>, turn: (item: From) => To): Generator<To> {
  for (const item of items) yield turn(item);
}

function toNotFound(asked: Asked): Refused {
  const message = `Unknown path: ${asked.method} ${asked.path}`;
  const body = JSON.stringify({
    error: { message, type: "invalid_request_error", param: null, code: "unknown_url" },
  });
  return { status: 404, headers: { "content-type": "application/json" }, body };
}
