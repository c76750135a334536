// One call to an endpoint that makes or changes anonymous tokens. Every error names its step (H1); nothing of an answer is in its message (J7).
import type { AnonymousContext } from "../contract/anonymous-source.ts";
import type { Refusal } from "../contract/verdict.ts";
import { TokenError, type TokenStep } from "./token-error.ts";

/** Bytes of an answer that are read; tokens are far shorter. */
const LONGEST = 262_144;

export interface StepCall {
  step: TokenStep;
  url: string;
  headers?: Record<string, string> | undefined;
  body: string;
  contentType?: string;
}

export interface StepAnswer {
  fields: Record<string, unknown>;
  /** Makes the error for an answer that lacks what it should have. */
  without(what: string): TokenError;
  serverDate: number | undefined;
}

/** Posts, and reads a JSON object out of a good answer. Throws `TokenError`. */
export async function callStep(
  { fetch, clock, signal }: AnonymousContext,
  { step, url, headers, body, contentType = "application/json" }: StepCall,
): Promise<StepAnswer> {
  const init: RequestInit = {
    method: "POST",
    // Secrets go nowhere else than where the operator said.
    redirect: "manual",
    headers: {
      ...headers,
      accept: "application/json",
      "content-type": contentType,
      "user-agent": "h3-relay",
    },
    body,
    signal,
  };
  const { response, text } = await exchange(() => fetch(url, init), step, signal);
  const refusal: Refusal = {
    status: response.status,
    header: (name) => response.headers.get(name) ?? undefined,
    body: text,
    endpoint: step === "create" ? "create" : "token",
    inStream: false,
    receivedAt: clock.now(),
  };
  if (!response.ok) throw new TokenError({ step, code: "REFUSED", refusal });
  const fields = fieldsIn(text);
  if (!fields) throw new TokenError({ step, code: "INVALID_ANSWER", refusal });
  return {
    fields,
    without: (what) => new TokenError({ step, code: "INVALID_ANSWER", refusal, what }),
    serverDate: dateOf(response),
  };
}

async function exchange(
  send: () => Promise<Response>,
  step: TokenStep,
  signal: AbortSignal,
): Promise<{ response: Response; text: string }> {
  try {
    const response = await send();
    return { response, text: await readText(response) };
  } catch (cause) {
    throw new TokenError({ step, code: signal.aborted ? "TIMEOUT" : "NETWORK", cause });
  }
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let text = "";
  let size = 0;
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    size += part.value.length;
    text += decoder.decode(part.value, { stream: true });
    if (size > LONGEST) {
      await reader?.cancel();
      break;
    }
  }
  return text;
}

function fieldsIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function dateOf({ headers }: Response): number | undefined {
  const date = Date.parse(headers.get("date") ?? "");
  return Number.isNaN(date) ? undefined : date;
}

/** Reads a text out of a field; the empty one counts as missing. */
export function textIn(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Reads seconds out of a number or of digits. */
export function secondsIn(value: unknown): number | undefined {
  const seconds = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof seconds === "number" && Number.isFinite(seconds) && seconds > 0
    ? seconds
    : undefined;
}
