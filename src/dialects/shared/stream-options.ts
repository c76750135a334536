/** `stream_options.include_usage` of OpenAI's Chat Completions, without which a stream reports no token counts. */
import type { Asked, StreamEvent, UsageOption } from "../../contract/dialect.ts";
import { asFields, isFilled, parseJson } from "../../shared/json.ts";
import { streamInBody } from "./request-fields.ts";

const NO_CHOICE = /"choices"\s*:\s*\[\s*\]/;

export const STREAM_OPTIONS: UsageOption = {
  path: ["stream_options", "include_usage"],
  isMissing,
  isAnswer,
};

function isMissing(asked: Asked): boolean {
  if (asked.method !== "POST" || !asked.path.endsWith("/chat/completions")) return false;
  if (!streamInBody(asked)) return false;
  const options = asFields(asked.json)?.["stream_options"];
  if (options === undefined || options === null) return true;
  const fields = asFields(options);
  // A value that is not an object or not a boolean is the client's mistake, and the upstream reports it.
  if (!fields) return false;
  const wanted = fields["include_usage"];
  return wanted === undefined || wanted === null || wanted === false;
}

// A chunk with a choice is part of the response, even with token counts in it; so is an error.
function isAnswer({ data }: StreamEvent): boolean {
  if (!data.includes('"usage"') || !NO_CHOICE.test(data)) return false;
  const fields = asFields(parseJson(data));
  if (!fields || isFilled(fields["error"])) return false;
  const { choices, usage } = fields;
  return Array.isArray(choices) && choices.length === 0 && asFields(usage) !== undefined;
}
