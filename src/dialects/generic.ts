/** Any JSON or SSE API: OpenAI's format on the wire, without assumptions about the content. */
import type { Dialect, EventMeaning, StreamEvent } from "../contract/dialect.ts";
import { DONE, openai } from "./openai.ts";
import { isErrorEvent, mayNameError } from "./shared/error-events.ts";
import { parseJson } from "../shared/json.ts";

export const generic: Dialect = {
  ...openai,
  name: "generic",
  // Of an API that is not known, every path under the base URL passes.
  operations: undefined,
  needsModel: () => false,
  passHeaders: ["idempotency-key"],
  secretParameters: ["api_key", "api-key", "apikey", "access_token"],
  classifyEvent,
  mayBeSignificant: ({ name, data }) => name === "error" || data === DONE || mayNameError(data),
  isCompleteWith: () => true,
  usageOption: undefined,
};

function classifyEvent({ name, data }: StreamEvent): EventMeaning {
  if (data.startsWith(DONE)) return "terminal";
  if (name === "error") return "error";
  if (data === "" || name === "ping" || name === "heartbeat" || name === "keepalive")
    return "lifecycle";
  return isErrorEvent(parseJson(data)) ? "error" : "payload";
}
