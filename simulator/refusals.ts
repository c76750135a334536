// How each API family refuses: statuses, headers and bodies as they are really seen.
import type { HintPlace, RefusalKind, Refuse, SimulatedDialect } from "./behaviour.ts";
import { COMPLAINTS } from "./complaints.ts";
import type { Complaint } from "./complaints.ts";
import { htmlPage } from "./pages.ts";

/** A whole answer that is no stream. */
export interface Refused {
  status: number;
  headers: Record<string, string | string[]>;
  body: string;
}

export interface RefusalContext {
  dialect: SimulatedDialect | undefined;
  /** Tells the shapes of the token endpoints apart. */
  operation?: string;
  model: string;
  /** UTC epoch ms. */
  now: number;
}

const MINUTE = 60_000;

const OAUTH_ERRORS: Readonly<Record<number, string>> = {
  400: "invalid_request",
  401: "invalid_client",
  403: "access_denied",
  500: "server_error",
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
  context: Omit<RefusalContext, "now">,
  complaint: Complaint,
  retryDelay?: number,
): object {
  const { message, status } = complaint;
  if (context.dialect === "anthropic") {
    return { type: "error", error: { type: complaint.anthropic, message } };
  }
  if (context.operation === "oauth-token") {
    return { error: OAUTH_ERRORS[status] ?? "temporarily_unavailable", error_description: message };
  }
  if (context.dialect === "auth") {
    return {
      error: {
        code: status,
        message,
        errors: [{ message, domain: "global", reason: "backendError" }],
      },
    };
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
