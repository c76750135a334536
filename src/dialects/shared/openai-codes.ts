/** Codes and types of OpenAI's own error objects whose words are not clear by themselves (`src/refusals/code-meanings.ts`). */
import type { CodeMeaning } from "../../contract/dialect.ts";
import { meaning } from "./code-table.ts";

export const OPENAI_CODES: Readonly<Record<string, CodeMeaning>> = {
  ...meaning("insufficient_quota organization_usage_limit_exceeded", { reason: "BILLING" }),
  ...meaning("unsupported_country_region_territory ip_not_authorized", {
    reason: "FORBIDDEN",
    scope: "upstream",
  }),
  ...meaning("previous_response_not_found", { reason: "NOT_FOUND", scope: "request" }),
  ...meaning("usage_limit_reached", { reason: "QUOTA_EXHAUSTED", scope: "credential" }),
  ...meaning("string_above_max_length", {
    reason: "INVALID_REQUEST",
  }),
  ...meaning("rate_limit_exceeded tokens requests slow_down", {
    reason: "RATE_LIMIT_EXCEEDED",
    weak: true,
  }),
};
