/** Codes and types of OpenAI's own error objects. */
import type { CodeMeaning } from "../../contract/dialect.ts";
import { meaning } from "./codes.ts";

export const OPENAI_CODES: Readonly<Record<string, CodeMeaning>> = {
  ...meaning(
    `insufficient_quota billing_not_active billing_hard_limit_reached credit_balance_exhausted
    organization_spend_limit_exceeded project_spend_limit_exceeded organization_usage_limit_exceeded`,
    { reason: "BILLING" },
  ),
  ...meaning("invalid_api_key incorrect_api_key", { reason: "UNAUTHENTICATED", disables: true }),
  ...meaning("account_deactivated", { reason: "FORBIDDEN", disables: true }),
  ...meaning("unsupported_country_region_territory ip_not_authorized", {
    reason: "FORBIDDEN",
    scope: "upstream",
  }),
  ...meaning("model_not_found model_not_supported unsupported_model", { reason: "NOT_FOUND" }),
  ...meaning("previous_response_not_found", { reason: "NOT_FOUND", scope: "request" }),
  ...meaning("server_is_overloaded", { reason: "MODEL_CAPACITY_EXHAUSTED" }),
  ...meaning("usage_limit_reached", { reason: "QUOTA_EXHAUSTED", scope: "credential" }),
  ...meaning(
    "context_length_exceeded content_filter content_policy_violation string_above_max_length",
    {
      reason: "INVALID_REQUEST",
    },
  ),
  ...meaning("rate_limit_exceeded tokens requests rate_limit_error slow_down", {
    reason: "RATE_LIMIT_EXCEEDED",
    vague: true,
  }),
  ...meaning("server_error", { reason: "SERVER_ERROR", vague: true }),
  ...meaning("invalid_request_error", { reason: "INVALID_REQUEST", vague: true }),
};
