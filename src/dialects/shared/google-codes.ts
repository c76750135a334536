/** Statuses of gRPC and reasons of google.rpc.ErrorInfo whose words are not clear by themselves. */
import type { CodeMeaning } from "../../contract/dialect.ts";
import { meaning } from "./code-table.ts";

export const GOOGLE_CODES: Readonly<Record<string, CodeMeaning>> = {
  ...meaning("rate_limit_exceeded", { reason: "RATE_LIMIT_EXCEEDED" }),
  ...meaning("unavailable", { reason: "MODEL_CAPACITY_EXHAUSTED" }),
  ...meaning("credentials_missing access_token_type_unsupported", {
    reason: "UNAUTHENTICATED",
    disables: true,
  }),
  ...meaning("access_token_expired", { reason: "UNAUTHENTICATED" }),
  ...meaning(
    `consumer_suspended consumer_invalid service_disabled iam_permission_denied user_project_denied
    access_token_scope_insufficient account_state_invalid api_key_service_blocked
    api_key_http_referrer_blocked api_key_ip_address_blocked api_key_android_app_blocked
    api_key_ios_app_blocked service_not_visible gcp_suspended resource_project_invalid`,
    { reason: "FORBIDDEN", disables: true },
  ),
  ...meaning("validation_required", { reason: "FORBIDDEN" }),
  ...meaning("location_policy_violated location_org_policy_violated", {
    reason: "FORBIDDEN",
    scope: "upstream",
  }),
  ...meaning("resource_exhausted", { reason: "RATE_LIMIT_EXCEEDED", weak: true }),
  ...meaning("not_found", { reason: "NOT_FOUND", weak: true }),
  ...meaning("unknown aborted data_loss backenderror", {
    reason: "SERVER_ERROR",
    weak: true,
  }),
  ...meaning("failed_precondition out_of_range unimplemented", {
    reason: "INVALID_REQUEST",
    weak: true,
  }),
};
