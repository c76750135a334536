/** The fields that the built-in dialects read of an event or a JSON answer. */

/** Of an error, in whatever place and form. */
const ERRORS = "error type object code message msg detail status error_code base_resp.status_code";
/** Of a part of an answer, in the formats of OpenAI, Anthropic and Google. */
const PARTS =
  "choices[*].finish_reason choices[*].error choices[*].text choices[*].message choices[*].delta content_block.text content_block.thinking content_block.input content_block.data content_block.content candidates[*].finishReason candidates[*].content.parts[*] promptFeedback.blockReason";
const COUNTS = "usage usageMetadata message.usage x_groq.usage";

const FIELDS: readonly string[] = [ERRORS, PARTS, COUNTS].flatMap((names) => names.split(" "));

/** At the top, in `response`, and in the items of an array. */
export const EVENT_PATHS: readonly string[] = FIELDS.flatMap((path) => [
  path,
  `response.${path}`,
  `[*].${path}`,
]);
