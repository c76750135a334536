// The error object of each API family.
import type { SimulatedDialect } from "./behaviour.ts";
import type { RefusalText } from "./refusal-texts.ts";
import { quotaReset, retryInfo } from "./hints.ts";
import type { Hint } from "./hints.ts";

/** The request that is refused. */
export interface ErrorContext {
  dialect: SimulatedDialect | undefined;
  /** Distinguishes the formats of the token endpoints. */
  operation?: string;
  model: string;
}

const GOOGLE_TYPE = "type.googleapis.com/google.rpc.";

const OAUTH_ERRORS: Readonly<Record<number, string>> = {
  400: "invalid_request",
  401: "invalid_client",
  403: "access_denied",
  500: "server_error",
};

// The quota that Google reports as violated, by the reason of the refusal.
const QUOTA_IDS: Readonly<Record<string, string>> = {
  QUOTA_EXHAUSTED: "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
  RATE_LIMIT_EXCEEDED: "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
};

/** Writes a refusal in the format of a dialect. */
export function errorBody(context: ErrorContext, text: RefusalText, hint?: Hint): object {
  const { message, status } = text;
  switch (context.dialect) {
    case "anthropic":
      return { type: "error", error: { type: text.anthropic, message } };
    case "google":
      return googleBody(context.model, text, hint);
    case "auth":
      return context.operation === "oauth-token" ? oauthBody(text) : firebaseBody(status, message);
    default:
      return {
        error: { message, type: text.openai[0], param: null, code: text.openai[1] },
      };
  }
}

function oauthBody({ status, message }: RefusalText): object {
  return { error: OAUTH_ERRORS[status] ?? "temporarily_unavailable", error_description: message };
}

function firebaseBody(code: number, message: string): object {
  const errors = [{ message, domain: "global", reason: "backendError" }];
  return { error: { code, message, errors } };
}

function googleBody(model: string, text: RefusalText, hint: Hint | undefined): object {
  const { message, status: code } = text;
  const [status, reason] = text.google;
  const details =
    reason === undefined ? [] : [...errorInfo(model, reason, hint), ...quotaFailure(model, reason)];
  if (hint !== undefined) details.push(...retryInfo(hint));
  const error = { code, message, status };
  return { error: details.length > 0 ? { ...error, details } : error };
}

function errorInfo(model: string, reason: string, hint: Hint | undefined): object[] {
  const reset = hint === undefined ? {} : quotaReset(hint);
  const metadata = { service: "generativelanguage.googleapis.com", model, ...reset };
  return [{ "@type": `${GOOGLE_TYPE}ErrorInfo`, reason, domain: "googleapis.com", metadata }];
}

function quotaFailure(model: string, reason: string): object[] {
  const quotaId = QUOTA_IDS[reason];
  if (quotaId === undefined) return [];
  const quotaMetric = "generativelanguage.googleapis.com/generate_content_free_tier_requests";
  const violations = [{ quotaMetric, quotaId, quotaDimensions: { location: "global", model } }];
  return [{ "@type": `${GOOGLE_TYPE}QuotaFailure`, violations }];
}
