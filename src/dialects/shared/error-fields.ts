/** Builds error responses and error events, always with a JSON encoder. */
import type { RenderedError } from "../../contract/dialect.ts";

/** Returns the error object that most APIs use: message, type, code, and further data. */
export function errorFields(error: RenderedError): Record<string, unknown> {
  return { ...error.data, message: error.message, type: error.type, code: error.code };
}

/** Returns one server-sent event with its blank line; `name` may be `""`. */
export function renderEvent(name: string, data: string): string {
  return `${name === "" ? "" : `event: ${name}\n`}data: ${data}\n\n`;
}
