// How each API family refuses: statuses, headers and bodies as they are really seen.
import type { HintPlace, RefusalKind, Refuse, SimulatedDialect } from "./behaviour.ts";
import { htmlPage } from "./pages.ts";

/** A whole answer that is no stream. */
export interface Refused {
  status: number;
  headers: Record<string, string | string[]>;
  body: string;
}

/** What a refusal says, before a dialect words it. */
export interface Complaint {
  status: number;
  message: string;
  /** OpenAI's `type` and `code`. */
  openai: [type: string, code: string | null];
  /** Anthropic's `type`. */
  anthropic: string;
  /** Google's `status` and the reason of its `ErrorInfo`. */
  google: [status: string, reason: string | undefined];
}

export interface RefusalContext {
  dialect: SimulatedDialect | undefined;
  model: string;
  /** UTC epoch ms. */
  now: number;
}

const MINUTE = 60_000;

const COMPLAINTS: Readonly<Record<Exclude<RefusalKind, `html-${string}`>, Complaint>> = {
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

/** Words a refusal as the dialect's API would. */
export function toRefusal(wanted: RefusalKind | Refuse, context: RefusalContext): Refused {
  const refuse = typeof wanted === "string" ? { kind: wanted } : wanted;
  if (refuse.kind.startsWith("html-")) return toHtml(refuse);
  const complaint = complaintOf(refuse, context.model);
  const hints = new Set<HintPlace>(refuse.hints ?? defaultHints(context.dialect));
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (refuse.wait !== undefined) addHintHeaders(headers, hints, refuse.wait, context);
  return {
    status: complaint.status,
    headers,
    body: JSON.stringify(
      errorBody(context, complaint, hints.has("retry-info") ? refuse.wait : undefined),
    ),
  };
}

/** Returns what a refusal says, with its model and its wait put in. */
export function complaintOf(refuse: Refuse, model: string): Complaint {
  const row = COMPLAINTS[refuse.kind as keyof typeof COMPLAINTS];
  if (row === undefined) throw new TypeError(`Unknown refusal "${refuse.kind}".`);
  const words = refuse.message ?? row.message.replace("{model}", model);
  const stated = refuse.wait !== undefined && refuse.hints?.includes("message");
  const message = stated ? `${words} Please try again in ${toDuration(refuse.wait ?? 0)}.` : words;
  return { ...row, status: refuse.status ?? row.status, message };
}

/** Returns the error object of a dialect; `retryDelay` (ms) goes where Google states it. */
export function errorBody(
  context: Pick<RefusalContext, "dialect" | "model">,
  complaint: Complaint,
  retryDelay?: number,
): object {
  const { message, status } = complaint;
  if (context.dialect === "anthropic") {
    return { type: "error", error: { type: complaint.anthropic, message } };
  }
  if (context.dialect === "google") {
    const details = googleDetails(complaint, context.model, retryDelay);
    const error = { code: status, message, status: complaint.google[0] };
    return { error: details.length > 0 ? { ...error, details } : error };
  }
  return { error: { message, type: complaint.openai[0], param: null, code: complaint.openai[1] } };
}

/** Writes a duration as these APIs do: `5h5m47s`, `1.5s`, `300ms`. */
export function toDuration(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  const hours = Math.floor(ms / (60 * MINUTE));
  const minutes = Math.floor((ms % (60 * MINUTE)) / MINUTE);
  const seconds = (ms % MINUTE) / 1000;
  return `${hours > 0 ? `${hours}h` : ""}${minutes > 0 || hours > 0 ? `${minutes}m` : ""}${seconds}s`;
}

function googleDetails(
  complaint: Complaint,
  model: string,
  retryDelay: number | undefined,
): object[] {
  const details: object[] = [];
  const reason = complaint.google[1];
  if (reason !== undefined) {
    const metadata = { service: "generativelanguage.googleapis.com", model };
    const domain = "googleapis.com";
    details.push({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain, metadata });
  }
  if (retryDelay !== undefined) {
    details.push({
      "@type": "type.googleapis.com/google.rpc.RetryInfo",
      retryDelay: `${retryDelay / 1000}s`,
    });
  }
  return details;
}

function defaultHints(dialect: SimulatedDialect | undefined): HintPlace[] {
  return dialect === "google" ? ["retry-info"] : ["retry-after"];
}

function addHintHeaders(
  headers: Record<string, string>,
  hints: Set<HintPlace>,
  wait: number,
  { dialect, now }: RefusalContext,
): void {
  if (hints.has("retry-after")) headers["retry-after"] = String(Math.ceil(wait / 1000));
  if (hints.has("retry-after-ms")) headers["retry-after-ms"] = String(wait);
  if (!hints.has("reset-header")) return;
  if (dialect === "anthropic") {
    headers["anthropic-ratelimit-requests-remaining"] = "0";
    headers["anthropic-ratelimit-requests-reset"] = new Date(now + wait).toISOString();
    return;
  }
  headers["x-ratelimit-remaining-requests"] = "0";
  headers["x-ratelimit-reset-requests"] = toDuration(wait);
}

function toHtml(refuse: Refuse): Refused {
  const status = refuse.status ?? Number(refuse.kind.slice("html-".length));
  const headers: Record<string, string> = { "content-type": "text/html" };
  if (refuse.wait !== undefined) headers["retry-after"] = String(Math.ceil(refuse.wait / 1000));
  return { status, headers, body: htmlPage(status) };
}
