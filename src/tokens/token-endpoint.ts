// One call to a token endpoint: creation, exchange or refresh. Each error names its step (H1); no text of the endpoint or of the
// platform is in its message or its causes (J7).
import type { createFetch } from "ofetch";
import type { AnonymousContext } from "../contract/anonymous-source.ts";
import type { Refusal } from "../contract/verdict.ts";
import { CallSecrets } from "./call-secrets.ts";
import { readFault } from "../shared/network-faults.ts";
import { TokenError, type TokenStep } from "./token-error.ts";
import { wallTime } from "../shared/times.ts";

/** Limit of an answer that is read, in bytes; tokens are far shorter. */
const MAX_BYTES = 262_144;

/** Characters of a refusal that are classified. */
const CLASSIFIED_LENGTH = 65_536;

/** The same options for each call. The caller's signal is the time limit: ofetch's `timeout` would not run on the relay's clock. */
const CALL = {
  method: "POST",
  // A redirect would send secrets to a host that the operator has not named.
  redirect: "manual",
  // The relay counts attempts itself (H2, G9).
  retry: false,
  // The status is read from the answer.
  ignoreResponseError: true,
  // The body is read here, up to its limit.
  responseType: "stream",
} as const;

/** ofetch, once it is loaded. */
let ofetch: { createFetch: typeof createFetch } | undefined;

export interface StepCall {
  step: TokenStep;
  url: string;
  headers?: Record<string, string> | undefined;
  body: string;
  contentType?: string;
}

export interface StepAnswer {
  fields: Record<string, unknown>;
  /** Creates the error for an answer in which a field is missing. */
  without(what: string): TokenError;
  /** `Date` of the answer, UTC epoch ms. */
  serverDate: number | undefined;
}

/** Sends a POST request and reads the JSON object of its answer. Throws `TokenError`. */
export async function callStep(context: AnonymousContext, call: StepCall): Promise<StepAnswer> {
  const { step } = call;
  const { response, text } = await exchange(context, call);
  const sent = new CallSecrets(call);
  const refusal: Refusal = {
    status: response.status,
    header: (name) => sent.hide(response.headers.get(name) ?? "") || undefined,
    body: sent.hide(text).slice(0, CLASSIFIED_LENGTH),
    endpoint: step === "create" ? "create" : "token",
    inStream: false,
    receivedAt: wallTime(context.clock),
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
  { fetch, signal }: AnonymousContext,
  { step, url, headers, body, contentType = "application/json" }: StepCall,
): Promise<{ response: Response; text: string }> {
  const client = ofetch ?? (await loadOfetch());
  try {
    const response = await client.createFetch({ fetch }).raw(url, {
      ...CALL,
      headers: {
        ...headers,
        accept: "application/json",
        "content-type": contentType,
        "user-agent": "h3-relay",
      },
      body,
      signal,
    });
    return { response, text: await readText(response) };
  } catch (error) {
    throw new TokenError({
      step,
      code: signal.aborted ? "TIMEOUT" : "NETWORK",
      cause: toCause(error),
    });
  }
}

/** Loads ofetch, which the first call does: a relay with static keys alone never needs it. */
export async function loadOfetch(): Promise<{ createFetch: typeof createFetch }> {
  return (ofetch ??= await import("ofetch"));
}

/** ofetch's error and those of Deno and Bun quote the URL, which may hold a key: only the kind of fault and its code are kept. */
function toCause(error: unknown): Error {
  const { fault, code } = readFault(error);
  const cause = new Error(code === undefined ? fault : `${fault} (${code})`);
  return Object.assign(cause, { code });
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let text = "";
  let size = 0;
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    size += part.value.length;
    text += decoder.decode(part.value, { stream: true });
    if (size > MAX_BYTES) {
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

/** Reads a text field; an empty text counts as missing. */
export function textIn(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Reads a positive number of seconds, given as a number or as digits. */
export function secondsIn(value: unknown): number | undefined {
  const seconds = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof seconds === "number" && Number.isFinite(seconds) && seconds > 0
    ? seconds
    : undefined;
}
