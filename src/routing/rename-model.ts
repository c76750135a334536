// Replaces the model name in a request and leaves every other byte unchanged (D9).
import { findValue, isString, replace } from "../shared/json-bytes.ts";

/** Replaces the value of the top-level `model` of a JSON object in a copy of the body. `undefined` where there is none. */
export function renameInBody(body: Uint8Array, model: string): Uint8Array | undefined {
  const range = findValue(body, "model");
  return range && isString(body, range) ? replace(body, range, JSON.stringify(model)) : undefined;
}

/** Replaces a model name where it is a segment of a path (or a segment's part before `:`). */
export function renameInPath(path: string, from: string, to: string): string | undefined {
  const segments = path.split("/");
  const at = segments.findLastIndex((segment) => decode(segment.split(":", 1)[0]!) === from);
  if (at < 0) return undefined;
  const [, ...rest] = segments[at]!.split(":");
  segments[at] = [encodeURIComponent(to), ...rest].join(":");
  return segments.join("/");
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
