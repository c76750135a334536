/** Fields of a request that are in the same place in several APIs. */
import type { Asked } from "../../contract/dialect.ts";
import { asFields, textField } from "../../shared/json.ts";

/** Query parameters in which the AI APIs, or clients of another one, send a credential (N12). */
export const SECRET_PARAMETERS: readonly string[] = [
  "key",
  "api_key",
  "api-key",
  "apikey",
  "access_token",
];

/** Returns the body's `model`, or `undefined`. */
export function modelInBody(asked: Asked): string | undefined {
  return textField(asked.json, "model");
}

/** True when the body requests a stream with `stream: true`. */
export function streamInBody(asked: Asked): boolean {
  return asFields(asked.json)?.["stream"] === true;
}

/** Decodes percent-encoding; a text that is not validly encoded is returned unchanged. */
export function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
