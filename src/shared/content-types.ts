// Patterns for content types. What a client declares must be exact; what an upstream declares is matched loosely, because many are careless.

/** A request body that is declared as JSON. */
export const JSON_REQUEST: RegExp = /^application\/(?:[\w.+-]+\+)?json\b/i;
/** A request body that cannot be JSON. */
export const OPAQUE_REQUEST: RegExp =
  /^(?:multipart|audio|image|video|application\/octet-stream)\b/i;
/** Server-sent events. */
export const EVENT_STREAM: RegExp = /^text\/event-stream\b/i;
/** JSON Lines, NDJSON and JSON sequences. */
export const JSON_LINES: RegExp = /^application\/(?:x-)?(?:nd-?json|json-?l(?:ines)?|json-seq)\b/i;
/** A response body that may be JSON, whatever its type is called. */
export const JSON_RESPONSE: RegExp = /^[^;]*\bjson\b/i;

/** Types besides XML that a browser shows as a document with scripts, or as one of several documents. */
const PAGES: ReadonlySet<string> = new Set([
  "text/html",
  "text/xsl",
  "multipart/x-mixed-replace",
  "multipart/related",
  "message/rfc822",
]);

/** True for a response that a browser may show as a page with scripts: HTML, SVG, XML, or without one clear type (N11). */
export function isPageType(type: string | undefined): boolean {
  if (type === "application/json" || type === "text/event-stream") return false;
  // Of several types in one header, browsers use the last one that they can read.
  if (type === undefined || type.includes(",")) return true;
  const end = type.indexOf(";");
  const essence = (end < 0 ? type : type.slice(0, end)).trim().toLowerCase();
  if (essence.endsWith("+xml") || essence.endsWith("/xml") || PAGES.has(essence)) return true;
  return !essence.includes("/") || essence.includes("*") || essence.endsWith("/unknown");
}
