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
