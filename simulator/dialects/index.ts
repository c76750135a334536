// Selects the writer of the normal answer to an operation.
import type { Ask } from "../ask.ts";
import type { SimulatedDialect } from "../behaviour.ts";
import type { Draft } from "../frames.ts";
import type { Asked } from "../inbound.ts";
import { messageEvents, messageJson } from "./anthropic.ts";
import { genericEvents, genericJson, genericLines } from "./generic.ts";
import { contentArray, contentEvents, contentJson } from "./google.ts";
import { modelsJson } from "./models.ts";
import { chatEvents, chatJson } from "./openai-chat.ts";
import { embeddingsJson } from "./openai-embeddings.ts";
import { responseEvents, responseJson } from "./openai-responses.ts";

/** The body of a normal answer: server-sent events, frames of another type, or JSON. */
export type Body =
  | { events: Iterable<Draft>; lineEnd?: "\r\n" }
  | { frames: Iterable<Draft>; type: string }
  | { json: object };

/** Returns the body of a normal answer; `undefined` for an unknown path. */
export function bodyOf(asked: Asked, ask: Ask, models: readonly string[]): Body | undefined {
  switch (asked.operation) {
    case "chat":
      return asked.stream ? { events: chatEvents(ask) } : { json: chatJson(ask) };
    case "responses":
      return asked.stream ? { events: responseEvents(ask) } : { json: responseJson(ask) };
    case "messages":
      return asked.stream ? { events: messageEvents(ask) } : { json: messageJson(ask) };
    case "generate":
      return asked.stream ? googleStream(asked, ask) : { json: contentJson(ask) };
    case "embeddings":
      return { json: embeddingsJson(ask) };
    case "count-tokens":
      return { json: countJson(asked.dialect, ask) };
    case "models":
      return { json: modelsJson(asked.dialect, models, asked.path) };
    case "generic":
      return genericBody(asked, ask);
    default:
      return undefined;
  }
}

/** Returns the number of tokens of a request in the format of each API. */
function countJson(dialect: SimulatedDialect | undefined, { inputTokens }: Ask): object {
  if (dialect === "google") return { totalTokens: inputTokens };
  if (dialect === "openai") return { object: "response.input_tokens", input_tokens: inputTokens };
  return { input_tokens: inputTokens };
}

function googleStream(asked: Asked, ask: Ask): Body {
  const wantsEvents = new URLSearchParams(asked.query).get("alt") === "sse";
  if (wantsEvents) return { events: contentEvents(ask), lineEnd: "\r\n" };
  return { frames: contentArray(ask), type: "application/json; charset=UTF-8" };
}

// The last word of the path decides, otherwise whether a stream is requested.
function genericBody(asked: Asked, ask: Ask): Body {
  const word = asked.path.slice(asked.path.lastIndexOf("/") + 1);
  if (word === "ndjson") return { frames: genericLines(ask), type: "application/x-ndjson" };
  if (word === "json") return { json: genericJson(ask) };
  const streams = word === "sse" || asked.stream;
  return streams ? { events: genericEvents(ask) } : { json: genericJson(ask) };
}
