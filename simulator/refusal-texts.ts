// The text of each kind of refusal in every dialect.
import type { RefusalKind } from "./behaviour.ts";

/** The content of a refusal, before a dialect formats it. */
export interface RefusalText {
  status: number;
  message: string;
  /** OpenAI's `type` and `code`. */
  openai: [type: string, code: string | null];
  /** Anthropic's `type`. */
  anthropic: string;
  /** Google's `status` and the reason of its `ErrorInfo`. */
  google: [status: string, reason: string | undefined];
}

/** One row per kind that is not an HTML page; `{model}` is replaced. */
export const REFUSAL_TEXTS: Readonly<Record<Exclude<RefusalKind, `html-${string}`>, RefusalText>> =
  {
    quota: {
      status: 429,
      message: "You exceeded your current quota, please check your plan and billing details.",
      openai: ["insufficient_quota", "insufficient_quota"],
      anthropic: "rate_limit_error",
      google: ["RESOURCE_EXHAUSTED", "QUOTA_EXHAUSTED"],
    },
    "rate-limit": {
      status: 429,
      message:
        "Rate limit reached for {model} on requests per min (RPM): Limit 3, Used 3, Requested 1.",
      openai: ["requests", "rate_limit_exceeded"],
      anthropic: "rate_limit_error",
      google: ["RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"],
    },
    capacity: {
      status: 503,
      message:
        "The model {model} is currently overloaded with other requests. Please try again later.",
      openai: ["server_error", "server_is_overloaded"],
      anthropic: "overloaded_error",
      google: ["UNAVAILABLE", "MODEL_CAPACITY_EXHAUSTED"],
    },
    overloaded: {
      status: 529,
      message: "Overloaded",
      openai: ["service_unavailable_error", "server_is_overloaded"],
      anthropic: "overloaded_error",
      google: ["UNAVAILABLE", undefined],
    },
    unauthenticated: {
      status: 401,
      message: "Incorrect API key provided.",
      openai: ["invalid_request_error", "invalid_api_key"],
      anthropic: "authentication_error",
      google: ["UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"],
    },
    forbidden: {
      status: 403,
      message: "This account has been suspended.",
      openai: ["invalid_request_error", "account_deactivated"],
      anthropic: "permission_error",
      google: ["PERMISSION_DENIED", "CONSUMER_SUSPENDED"],
    },
    billing: {
      status: 402,
      message: "Your credit balance is too low. Please purchase credits.",
      openai: ["billing_not_active", "billing_not_active"],
      anthropic: "billing_error",
      google: ["FAILED_PRECONDITION", "INSUFFICIENT_G1_CREDITS_BALANCE"],
    },
    "model-not-found": {
      status: 404,
      message: "The model `{model}` does not exist or you do not have access to it.",
      openai: ["invalid_request_error", "model_not_found"],
      anthropic: "not_found_error",
      google: ["NOT_FOUND", undefined],
    },
    "bad-request": {
      status: 400,
      message: "Invalid value for 'messages': expected an array of messages.",
      openai: ["invalid_request_error", "invalid_value"],
      anthropic: "invalid_request_error",
      google: ["INVALID_ARGUMENT", undefined],
    },
    "too-large": {
      status: 413,
      message: "Request exceeds the maximum size.",
      openai: ["invalid_request_error", "request_too_large"],
      anthropic: "request_too_large",
      google: ["INVALID_ARGUMENT", undefined],
    },
    "server-error": {
      status: 500,
      message: "The server had an error while processing your request. Sorry about that!",
      openai: ["server_error", null],
      anthropic: "api_error",
      google: ["INTERNAL", undefined],
    },
    "no-remaining-quota": {
      status: 429,
      message: "No remaining quota",
      openai: ["quota_error", null],
      anthropic: "rate_limit_error",
      google: ["RESOURCE_EXHAUSTED", undefined],
    },
  };
