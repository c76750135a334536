// Replaces the model name in a request and leaves every other byte unchanged (D9).
import { type Edit, replaceString } from "../shared/json-edits.ts";
import type { JsonValue } from "../shared/json-value.ts";

/** Replaces the value of the top-level `model` of a JSON object that has been scanned. `undefined` where there is none. */
export function renameInBody(
  body: Uint8Array,
  root: JsonValue | undefined,
  model: string,
): Edit | undefined {
  return replaceString(body, root, "model", model);
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
