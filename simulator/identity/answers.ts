// Helpers for the answers of the token endpoints.
import type { Asked } from "../inbound.ts";
import { htmlPage } from "../pages.ts";
import type { Refused } from "../refusals.ts";
import type { Creations } from "./creations.ts";

/** Writes JSON. */
export function toJson(status: number, value: object): Refused {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

/** Refuses a creation like a proxy in front of the API: in HTML. */
export function toCreateLimited(wait: number, creations: Creations): Refused {
  const headers: Record<string, string> = { "content-type": "text/html" };
  const isKnown = creations.options.retryAfter && Number.isFinite(wait);
  if (isKnown) headers["retry-after"] = String(Math.ceil(wait / 1000));
  return { status: 429, headers, body: htmlPage(429) };
}

/** Reads a body of form fields, or the same fields as JSON. */
export function formOf(asked: Asked): URLSearchParams {
  const { json } = asked;
  if (typeof json !== "object" || json === null) return new URLSearchParams(asked.body.toString());
  return new URLSearchParams(json as Record<string, string>);
}
