/** Refusals of the endpoints that create and refresh tokens: they concern grants, not models. */
import type { CodeMeaning } from "../contract/dialect.ts";
import { meaning } from "../dialects/shared/code-table.ts";
import type { RefusalCase, Finding } from "./refusal-case.ts";
import { PLACE } from "./message-words.ts";

const LOST: CodeMeaning = { reason: "UNAUTHENTICATED", scope: "credential", disables: true };
const MISCONFIGURED: CodeMeaning = { reason: "FORBIDDEN", scope: "acquirer", disables: true };
/** The address or a proxy in between is refused: this says nothing about a grant or a client. */
const UNREACHED: CodeMeaning = { reason: "FORBIDDEN", scope: "acquirer" };
const LIMITED: CodeMeaning = { reason: "RATE_LIMIT_EXCEEDED", scope: "acquirer" };

const CODES: Readonly<Record<string, CodeMeaning>> = {
  ...meaning(
    `invalid_grant invalid_refresh_token refresh_token_expired refresh_token_reused refresh_token_invalidated
    refresh_token_not_found refresh_token_already_used token_expired user_disabled user_not_found access_denied
    session_expired session_not_found user_banned`,
    LOST,
  ),
  ...meaning(
    `invalid_client deleted_client unauthorized_client operation_not_allowed admin_only_operation api_key_invalid
    configuration_not_found project_not_found anonymous_provider_disabled signup_disabled`,
    MISCONFIGURED,
  ),
  ...meaning(
    "too_many_attempts_try_later quota_exceeded over_request_rate_limit over_email_send_rate_limit",
    LIMITED,
  ),
};
const LOST_WORDS =
  /\brefresh token\b.{0,60}\b(?:already|not found|invalid|expired|revoked|used)\b|\binvalid refresh token\b/;
const KEY_WORDS = /\bapi ?key\b.{0,20}\b(?:not valid|invalid)|\binvalid api ?key\b/;
/** Firebase reports a quota of the address with a code of its own, under 503. */
const LIMIT_WORDS = /\berror code: 39\b|\btoo many requests\b|\brate ?limit|\bquota exceeded\b/;

/** Finds the meaning of a refusal by such an endpoint; undefined for the API itself, and where a server failed. */
export function findTokenRefusal(open: RefusalCase): Finding | undefined {
  if (open.refusal.endpoint === "ai") return undefined;
  const found = findSaid(open);
  const limited = found?.is === LIMITED || (!found && open.status === 429);
  if (limited && open.refusal.endpoint === "create") {
    return { is: { reason: "CREATE_LIMITED" }, evidence: found?.evidence ?? "status:429" };
  }
  if (found) return found;
  return findByStatus(open);
}

function findSaid({ reading, words }: RefusalCase): Finding | undefined {
  if (PLACE.words.test(words)) return { is: UNREACHED, evidence: "words:place" };
  const code = reading.codes
    .map((code) => code.toLowerCase())
    .find((code) => Object.hasOwn(CODES, code));
  if (code !== undefined) return { is: CODES[code]!, evidence: `code:${code}` };
  if (LOST_WORDS.test(words)) return { is: LOST, evidence: "words:refresh-token" };
  if (KEY_WORDS.test(words)) return { is: MISCONFIGURED, evidence: "words:key" };
  return LIMIT_WORDS.test(words) ? { is: LIMITED, evidence: "words:limit" } : undefined;
}

function findByStatus({ status, reading }: RefusalCase): Finding | undefined {
  const evidence = `status:${status}`;
  if (status === 429) return { is: LIMITED, evidence };
  if (status >= 500 || status === 408) return undefined;
  // A page in place of the endpoint's response says nothing about the grant.
  if (reading.page) return { is: UNREACHED, evidence: `page:${status}` };
  if (status === 401) return { is: LOST, evidence };
  return status === 403 ? { is: MISCONFIGURED, evidence } : undefined;
}
