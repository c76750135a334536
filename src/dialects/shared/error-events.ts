/** Recognises an error inside a stream, in the formats that several APIs share. */
import { asFields, asList, isFilled } from "../../shared/json.ts";

/**
 * A quick test whether a text may contain an error; false positives are allowed. The search string has no leading quote, because a search
 * stops at every occurrence of its first character, and quotes are everywhere.
 */
export function mayNameError(data: string): boolean {
  return data.includes('rror"');
}

/** True when a parsed event is an error, wherever its API puts it. */
export function isErrorEvent(json: unknown): boolean {
  if (Array.isArray(json)) return json.length > 0 && isErrorEvent(json[0]);
  const event = asFields(json);
  if (!event) return false;
  if (isFilled(event["error"])) return true;
  if (event["type"] === "error" || event["object"] === "error") return true;
  if (event["type"] === "response.failed") return true;
  return hasFailedChoice(event) || hasFailureCode(event);
}

function hasFailedChoice(event: Record<string, unknown>): boolean {
  for (const choice of asList(event["choices"])) {
    const fields = asFields(choice);
    if (fields && (fields["finish_reason"] === "error" || isFilled(fields["error"]))) return true;
  }
  return false;
}

/** Some gateways send a bare `{code, message}`; others a `base_resp` whose code is 0 on success. */
function hasFailureCode(event: Record<string, unknown>): boolean {
  const base = asFields(event["base_resp"])?.["status_code"];
  if (typeof base === "number" && base !== 0) return true;
  if ("choices" in event || "type" in event || "object" in event) return false;
  const says =
    event["message"] ?? event["msg"] ?? event["detail"] ?? event["error_msg"] ?? event["errmsg"];
  const code = event["code"] ?? event["status"] ?? event["error_code"] ?? event["errcode"];
  return typeof says === "string" && isFailureCode(code);
}

function isFailureCode(code: unknown): boolean {
  return typeof code === "number" || (typeof code === "string" && code !== "")
    ? !/^(?:0|200|ok|success)$/i.test(String(code))
    : false;
}
