// Chooses the kind of body of a response, by its status and content type.
import type { Dialect, UsageOption } from "../../contract/dialect.ts";
import { EVENT_STREAM, JSON_LINES, JSON_RESPONSE } from "../../shared/content-types.ts";
import type { CommitGate } from "../commit-gate.ts";
import type { UsageNotes } from "../usage-notes.ts";
import type { BodyReader } from "./body-reader.ts";
import { EventBody } from "./event-body.ts";
import { JsonBody } from "./json-body.ts";
import { RawBody } from "./raw-body.ts";
import { RefusalBody } from "./refusal-body.ts";

export interface BodyReaderOptions {
  dialect: Dialect;
  eventSize: number;
  /** Whether the request asks for server-sent events, for responses without a content type. */
  wantsStream: boolean;
  /** Whether the method gives the response no body. */
  isHead: boolean;
  expectsBody: boolean;
  /** The option that the relay has added to the request in order to get token counts. */
  usageOption?: UsageOption | undefined;
  /** Hides the secrets of this request in the text of an error. */
  redact?(text: string): string;
  /** True for a text in place of an answer that says why there is none. */
  isRefusalText?(text: string): boolean;
}

/** Creates the body of a response whose head has arrived. */
export function chooseBody(
  gate: CommitGate,
  options: BodyReaderOptions,
  usage: UsageNotes,
): BodyReader {
  const { status } = gate;
  if (status < 200 || status >= 300) return new RefusalBody(gate);
  if (options.isHead || status === 204 || status === 205) return new RawBody(gate);
  const type = gate.header("content-type")?.trim() ?? "";
  if (EVENT_STREAM.test(type) || (type === "" && options.wantsStream))
    return new EventBody(gate, "sse", options, usage);
  if (JSON_LINES.test(type)) return new EventBody(gate, "ndjson", options, usage);
  // A body without a content type is examined: errors are mostly JSON.
  return type === "" || JSON_RESPONSE.test(type)
    ? new JsonBody(gate, options, usage)
    : new RawBody(gate);
}
