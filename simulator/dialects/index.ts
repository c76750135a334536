// Who writes the healthy answer to which operation.
import type { Body } from "../answer.ts";
import type { Ask } from "../ask.ts";
import type { Asked } from "../inbound.ts";
import { chatEvents, chatJson } from "./openai-chat.ts";

/** Returns the body of a healthy answer; `undefined` where nobody serves the path. */
export function dialectAnswer(asked: Asked, ask: Ask): Body | undefined {
  switch (asked.operation) {
    case "chat":
      return asked.stream ? { events: chatEvents(ask) } : { json: chatJson(ask) };
    default:
      return undefined;
  }
}
