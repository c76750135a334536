/** Anthropic's Messages API. */
import type { CodeMeaning, Dialect, EventMeaning, StreamEvent } from "../contract/dialect.ts";
import { ANTHROPIC_OPERATIONS } from "./shared/anthropic-operations.ts";
import { meaning } from "./shared/code-table.ts";
import { EVENT_PATHS } from "./shared/event-paths.ts";
import { isErrorEvent, mayNameError } from "./shared/error-events.ts";
import { asFields, isFilled, parseJson, textField } from "../shared/json.ts";
import { errorFields, renderEvent } from "./shared/error-fields.ts";
import { modelInBody, SECRET_PARAMETERS, streamInBody } from "./shared/request-fields.ts";
import { readUsage } from "./shared/token-usage.ts";

/** https://platform.claude.com/docs/en/api/errors, without the codes whose words are clear by themselves. */
const CODES: Readonly<Record<string, CodeMeaning>> = {
  ...meaning("not_found_error", { reason: "NOT_FOUND", weak: true }),
  ...meaning("api_error", { reason: "SERVER_ERROR", weak: true }),
};

const LIFECYCLE = ["message_start", "ping", "content_block_stop"];
const TEXT_OF_BLOCK = ["text", "thinking", "input", "data", "content"];

export const anthropic: Dialect = {
  name: "anthropic",
  bodyPaths: ["model", "stream"],
  readModel: modelInBody,
  needsModel: (asked) =>
    asked.method === "POST" && /\/(?:messages|messages\/count_tokens|complete)$/.test(asked.path),
  wantsStream: streamInBody,
  credentialHeader: (secret) =>
    isAccessToken(secret) ? ["authorization", `Bearer ${secret}`] : ["x-api-key", secret],
  passHeaders: ["anthropic-version", "anthropic-beta", "idempotency-key"],
  secretParameters: SECRET_PARAMETERS,
  version: "required",
  operations: ANTHROPIC_OPERATIONS,
  codes: CODES,
  eventPaths: EVENT_PATHS,
  classifyEvent,
  mayBeSignificant,
  readUsage,
  renderError: (error) => JSON.stringify({ type: "error", error: errorFields(error) }),
  renderErrorEvent: (error) =>
    renderEvent("error", JSON.stringify({ type: "error", error: errorFields(error) })),
};

/** OAuth access tokens (`sk-ant-oat…`) and JWTs are sent as Bearer; everything else is an API key. */
function isAccessToken(secret: string): boolean {
  return secret.startsWith("sk-ant-oat") || secret.startsWith("eyJ");
}

function classifyEvent(event: StreamEvent): EventMeaning {
  if (event.name === "error") return "error";
  if (event.data === "") return "lifecycle";
  const json = parseJson(event.data);
  if (isErrorEvent(json)) return "error";
  const type = textField(json, "type") ?? event.name;
  if (type === "message_stop") return "terminal";
  if (LIFECYCLE.includes(type)) return "lifecycle";
  return type === "content_block_start" && isEmptyBlock(asFields(json)?.["content_block"])
    ? "lifecycle"
    : "payload";
}

/** Results of server tools arrive complete in their start event; other blocks start empty. */
function isEmptyBlock(block: unknown): boolean {
  const fields = asFields(block);
  return !fields || !TEXT_OF_BLOCK.some((name) => isFilled(fields[name]));
}

function mayBeSignificant({ name, data }: StreamEvent): boolean {
  if (name !== "") return name === "message_stop" || name === "error";
  return data.includes('"message_stop"') || mayNameError(data);
}
