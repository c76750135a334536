/** OpenAI's APIs (Chat Completions, Responses, completions, embeddings) and the many compatible ones. */
import type {
  Asked,
  CodeMeaning,
  Dialect,
  EventMeaning,
  StreamEvent,
} from "../contract/dialect.ts";
import type { Refusal } from "../contract/verdict.ts";
import { OPENAI_CODES } from "./shared/openai-codes.ts";
import { EVENT_PATHS } from "./shared/event-paths.ts";
import { OPENAI_OPERATIONS } from "./shared/openai-operations.ts";
import { isErrorEvent, mayNameError } from "./shared/error-events.ts";
import { asFields, asList, isFilled, parseJson, textField, type Fields } from "../shared/json.ts";
import { errorFields, renderEvent } from "./shared/error-fields.ts";
import {
  decodeSegment,
  modelInBody,
  SECRET_PARAMETERS,
  streamInBody,
} from "./shared/request-fields.ts";
import { STREAM_OPTIONS } from "./shared/stream-options.ts";
import { readUsage } from "./shared/token-usage.ts";

export const DONE = "[DONE]";

/** Final events of a Responses stream that are not errors, by `type`. */
const RESPONSE_ENDS = [
  "response.completed",
  "response.incomplete",
  "response.cancelled",
  "response.done",
];
/** Responses events that announce content without containing any. */
const RESPONSE_LIFECYCLE =
  /^(?:response\.(?:created|in_progress|queued|output_item\.added|content_part\.added|reasoning_summary_part\.added|metadata)|keepalive|ping|codex\.rate_limits)$/;
/** Complete results of the image, speech and transcription APIs, after which nothing need follow. */
const LAST_PARTS =
  /^(?:speech\.audio\.done|transcript\.text\.done|image_(?:generation|edit)\.completed)$/;

/** Alibaba's allocations, by the word before "allocated quota exceeded". */
const ALLOCATED: Readonly<Record<string, CodeMeaning>> = {
  "": { reason: "RATE_LIMIT_EXCEEDED" },
  concurrency: { reason: "RATE_LIMIT_EXCEEDED", scope: "credential" },
  free: { reason: "QUOTA_EXHAUSTED" },
  hour: { reason: "QUOTA_EXHAUSTED", scope: "credential" },
  week: { reason: "QUOTA_EXHAUSTED", scope: "credential" },
  month: { reason: "QUOTA_EXHAUSTED", scope: "credential" },
};

export const openai: Dialect = {
  name: "openai",
  bodyPaths: ["model", "stream", "stream_format", "stream_options", "prompt"],
  readModel,
  needsModel: (asked) =>
    asked.method === "POST" &&
    /\/(?:chat\/completions|completions|responses)$/.test(asked.path) &&
    !usesStoredPrompt(asked),
  wantsStream: (asked) => streamInBody(asked) || textField(asked.json, "stream_format") === "sse",
  credentialHeader: (secret) => ["authorization", `Bearer ${secret}`],
  passHeaders: ["openai-beta", "idempotency-key", "http-referer", "x-title"],
  secretParameters: SECRET_PARAMETERS,
  version: "optional",
  operations: OPENAI_OPERATIONS,
  codes: OPENAI_CODES,
  judge: readQuotaSentence,
  eventPaths: EVENT_PATHS,
  classifyEvent,
  mayBeSignificant,
  isCompleteWith: endsWell,
  readUsage,
  usageOption: STREAM_OPTIONS,
  renderError: (error) => JSON.stringify({ error: { param: null, ...errorFields(error) } }),
  renderErrorEvent: (error) =>
    renderEvent(
      "error",
      JSON.stringify({ type: "error", error: { param: null, ...errorFields(error) } }),
    ),
};

/** The model is in the body; Azure and old engines name it in the path. */
function readModel(asked: Asked): string | undefined {
  const inPath = /\/(?:deployments|engines)\/([^/]+)\//.exec(asked.path)?.[1];
  return modelInBody(asked) ?? (inPath === undefined ? undefined : decodeSegment(inPath));
}

/** A Responses call may take the model from a stored prompt. */
function usesStoredPrompt(asked: Asked): boolean {
  return isFilled(asFields(asked.json)?.["prompt"]) && asked.path.endsWith("/responses");
}

/** OpenAI's sentence for an account without credit; Alibaba sends it, with the same code, for a limit of tokens per minute. */
function readQuotaSentence({ body }: Refusal): CodeMeaning | undefined {
  const allocated = /(?:(free|hour|week|month|concurrency) )?allocated quota exceeded/i.exec(body);
  if (/aliyun\.com[^\s"]{0,80}#(?:token|rate)-limit/.test(body))
    return { reason: "RATE_LIMIT_EXCEEDED" };
  if (allocated) return ALLOCATED[allocated[1]?.toLowerCase() ?? ""];
  const sentence = body.includes(
    "exceeded your current quota, please check your plan and billing details",
  );
  return sentence && !/RESOURCE_EXHAUSTED|for metric/.test(body)
    ? { reason: "BILLING" }
    : undefined;
}

function classifyEvent(event: StreamEvent): EventMeaning {
  if (event.data === "") return event.name === "error" ? "error" : "lifecycle";
  if (event.data.startsWith(DONE)) return "terminal";
  if (event.name === "error") return "error";
  const json = parseJson(event.data);
  if (isErrorEvent(json)) return "error";
  const fields = asFields(json);
  if (!fields) return "payload";
  const type = textField(fields, "type") ?? event.name;
  if (RESPONSE_ENDS.includes(type)) return "terminal";
  if (RESPONSE_LIFECYCLE.test(type)) return "lifecycle";
  return "choices" in fields && !asList(fields["choices"]).some(choiceSpeaks)
    ? "lifecycle"
    : "payload";
}

/** A choice with only a role has no content yet; any other filled field is content. */
function choiceSpeaks(choice: unknown): boolean {
  const fields = asFields(choice);
  if (!fields) return false;
  if (isFilled(fields["finish_reason"]) || isFilled(fields["text"]) || isFilled(fields["message"]))
    return true;
  const delta: Fields = asFields(fields["delta"]) ?? {};
  return Object.keys(delta).some((name) => name !== "role" && isFilled(delta[name]));
}

/** Text inside a JSON string cannot match: its quotes are escaped. */
function mayBeSignificant({ name, data }: StreamEvent): boolean {
  if (name !== "")
    return name === "error" || name === "response.failed" || RESPONSE_ENDS.includes(name);
  if (data.length === DONE.length) return data === DONE;
  if (mayNameError(data)) return true;
  const head = data.slice(0, 48);
  return head.includes('"response.') && !head.includes(".delta");
}

/** Some servers stop after the last choice, with or without a usage chunk, and send no `[DONE]`. */
function endsWell(last: StreamEvent): boolean {
  const fields = asFields(parseJson(last.data));
  if (!fields) return false;
  const type = textField(fields, "type") ?? last.name;
  if (RESPONSE_ENDS.includes(type) || LAST_PARTS.test(type)) return true;
  const choices = asList(fields["choices"]);
  if (choices.length === 0) return isFilled(fields["usage"]);
  return choices.some((choice) => textField(choice, "finish_reason") !== undefined);
}
