/** What a request asks for, where several APIs put it in the same place. */
import type { Asked } from "../../contract/dialect.ts";
import { asFields, textField } from "../../shared/json.ts";

/** Returns the body's `model`, or `undefined`. */
export function modelInBody(asked: Asked): string | undefined {
  return textField(asked.json, "model");
}

/** Tells whether the body asks for a stream with `stream: true`. */
export function streamInBody(asked: Asked): boolean {
  return asFields(asked.json)?.["stream"] === true;
}

/** Undoes percent-encoding; text that is not validly encoded stays as it is. */
export function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
