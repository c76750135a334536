/** Refusals for tests, with defaults for the fields that a test does not need. */
import type { Refusal } from "../../src/contract/verdict.ts";

export const RECEIVED_AT: number = Date.UTC(2026, 0, 1);

export interface Said extends Partial<Omit<Refusal, "body" | "header">> {
  headers?: Record<string, string>;
  /** A text unchanged, anything else as JSON. */
  body?: unknown;
}

/** Creates a 429 of the AI endpoint with the given differences. */
export function refusal({ headers = {}, body = "", ...rest }: Said = {}): Refusal {
  const all: Record<string, string> = { "content-type": "application/json", ...headers };
  return {
    status: 429,
    header: (name) => all[name],
    body: typeof body === "string" ? body : JSON.stringify(body),
    endpoint: "ai",
    inStream: false,
    receivedAt: RECEIVED_AT,
    ...rest,
  };
}
