// Which kind of body an answer has, by its status and content type.
import type { Dialect, UsageOption } from "../../contract/dialect.ts";
import type { Gate } from "../gate.ts";
import type { UsageNotes } from "../usage.ts";
import type { Body } from "./body.ts";
import { FramedBody } from "./framed.ts";
import { JsonBody } from "./json.ts";
import { RawBody } from "./raw.ts";
import { RefusalBody } from "./refusal.ts";

export interface BodyOptions {
  dialect: Dialect;
  eventSize: number;
  /** Whether the request asks for server-sent events, for answers that do not say what they are. */
  wantsStream: boolean;
  /** An answer without a body by its method. */
  isHead: boolean;
  expectsBody: boolean;
  /** What the relay itself has added to the request, so that there are token counts in the answer. */
  usageOption?: UsageOption | undefined;
}

const EVENTS = /^text\/event-stream\b/i;
const LINES = /^application\/(?:x-)?(?:nd-?json|json-?l(?:ines)?|json-seq)\b/i;
const JSON_TYPE = /^[^;]*\bjson\b/i;

/** Makes the body of an answer whose head has come. */
export function chooseBody(gate: Gate, options: BodyOptions, usage: UsageNotes): Body {
  const { status } = gate;
  if (status < 200 || status >= 300) return new RefusalBody(gate);
  if (options.isHead || status === 204 || status === 205) return new RawBody(gate);
  const type = gate.header("content-type")?.trim() ?? "";
  if (EVENTS.test(type) || (type === "" && options.wantsStream))
    return new FramedBody(gate, "sse", options, usage);
  if (LINES.test(type)) return new FramedBody(gate, "ndjson", options, usage);
  // What says nothing of itself is looked at: errors are mostly JSON.
  return type === "" || JSON_TYPE.test(type)
    ? new JsonBody(gate, options, usage)
    : new RawBody(gate);
}
