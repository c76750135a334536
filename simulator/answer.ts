// Builds the answer to a request: a status, headers, and a body in frames.
import { toAsk } from "./ask.ts";
import type { Behaviour } from "./behaviour.ts";
import { bodyOf } from "./dialects/index.ts";
import type { Body } from "./dialects/index.ts";
import { decorate, padJson } from "./decorate-answer.ts";
import { toEvent } from "./frames.ts";
import type { Answer, Frame } from "./frames.ts";
import type { Asked } from "./inbound.ts";
import { toRefusal } from "./refusals.ts";
import type { Refused } from "./refusals.ts";

/** What answers depend on besides the request. */
export interface Source {
  seed: number;
  models: readonly string[];
  /** UTC epoch ms. */
  now: number;
}

const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
};

/** Returns the answer to a request with a given behaviour. */
export function toAnswer(asked: Asked, behaviour: Behaviour, source: Source): Answer {
  return decorate(toBare(asked, behaviour, source), behaviour);
}

/** Turns a complete text into an answer of one frame. */
export function toWhole({ status, headers, body }: Refused): Answer {
  const frames: Frame[] = body === "" ? [] : [{ bytes: Buffer.from(body), kind: "payload" }];
  return { status, headers, frames, ask: undefined };
}

function toBare(asked: Asked, behaviour: Behaviour, source: Source): Answer {
  if (behaviour.reply !== undefined) {
    const { status = 200, headers = {}, body = "" } = behaviour.reply;
    return toWhole({ status, headers, body });
  }
  if (behaviour.refuse !== undefined) {
    const { dialect, operation, model = "simulated-model" } = asked;
    const context = { dialect, operation, model };
    return toWhole(toRefusal(behaviour.refuse, context, source.now));
  }
  return toHealthy(asked, behaviour, source);
}

function toHealthy(asked: Asked, behaviour: Behaviour, source: Source): Answer {
  const ask = toAsk(asked, behaviour, source.seed);
  const body = bodyOf(asked, ask, source.models);
  if (body === undefined) return toWhole(toNotFound(asked));
  const { headers, frames } = toFrames(body, behaviour);
  const all = { ...headers, "x-request-id": `req_${ask.id}`, ...behaviour.headers };
  return { status: 200, headers: all, frames, ask };
}

function toFrames(body: Body, wire: Behaviour): Pick<Answer, "headers" | "frames"> {
  if ("json" in body) {
    const json = JSON.stringify(body.json);
    return {
      headers: { "content-type": "application/json" },
      frames: padded(json, wire.bodyBytes),
    };
  }
  if ("events" in body) {
    const ends = { ...wire, lineEnd: wire.lineEnd ?? body.lineEnd };
    return { headers: STREAM_HEADERS, frames: each(body.events, (draft) => toEvent(draft, ends)) };
  }
  const frames = each(body.frames, ({ data, kind }) => ({ bytes: Buffer.from(data), kind }));
  return { headers: { "content-type": body.type }, frames };
}

function padded(json: string, bytes: number | undefined): Iterable<Frame> {
  return bytes === undefined
    ? [{ bytes: Buffer.from(json), kind: "payload" }]
    : padJson(json, bytes);
}

function* each<From>(items: Iterable<From>, turn: (item: From) => Frame): Generator<Frame> {
  for (const item of items) yield turn(item);
}

function toNotFound({ method, path }: Asked): Refused {
  const message = `Unknown path: ${method} ${path}`;
  const error = { message, type: "invalid_request_error", param: null, code: "unknown_url" };
  const headers = { "content-type": "application/json" };
  return { status: 404, headers, body: JSON.stringify({ error }) };
}
