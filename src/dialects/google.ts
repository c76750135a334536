/** Google's Gemini API, Vertex AI and Code Assist: the model is part of the path. */
import type {
  Asked,
  Dialect,
  EventMeaning,
  RenderedError,
  StreamEvent,
} from "../contract/dialect.ts";
import { GOOGLE_OPERATIONS } from "./shared/google-operations.ts";
import { GOOGLE_CODES } from "./shared/google-codes.ts";
import { EVENT_PATHS } from "./shared/event-paths.ts";
import { isErrorEvent, mayNameError } from "./shared/error-events.ts";
import { asFields, asList, isFilled, parseJson, textField, type Fields } from "../shared/json.ts";
import { errorFields, renderEvent } from "./shared/error-fields.ts";
import { decodeSegment, modelInBody, SECRET_PARAMETERS } from "./shared/request-fields.ts";
import { readUsage } from "./shared/token-usage.ts";

/** gRPC's name for an HTTP status. */
const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  409: "ABORTED",
  429: "RESOURCE_EXHAUSTED",
  499: "CANCELLED",
  500: "INTERNAL",
  501: "UNIMPLEMENTED",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

export const google: Dialect = {
  name: "google",
  bodyPaths: ["model"],
  readModel,
  needsModel: (asked) =>
    asked.method === "POST" &&
    /:(?:streamGenerateContent|generateContent|countTokens)$/.test(asked.path),
  wantsStream: (asked) =>
    asked.path.includes(":streamGenerateContent") &&
    new URLSearchParams(asked.query).get("alt") === "sse",
  credentialHeader: (secret) =>
    isAccessToken(secret) ? ["authorization", `Bearer ${secret}`] : ["x-goog-api-key", secret],
  passHeaders: ["x-goog-api-client", "x-goog-request-params", "x-server-timeout"],
  secretParameters: SECRET_PARAMETERS,
  version: "required",
  operations: GOOGLE_OPERATIONS,
  codes: GOOGLE_CODES,
  eventPaths: EVENT_PATHS,
  classifyEvent,
  isEmptyAnswer,
  mayBeSignificant: ({ name, data }) => mayNameError(data) || name === "error",
  isCompleteWith: (last) => isFinished(answerOf(parseJson(last.data))),
  readUsage,
  renderError: (error) => JSON.stringify({ error: toStatus(error) }),
  renderErrorEvent: (error) => renderEvent("", JSON.stringify({ error: toStatus(error) })),
};

/** `models/{model}:verb`, also below publishers; `tunedModels/{id}:verb` keeps its collection. Code Assist names the model in the body. */
function readModel(asked: Asked): string | undefined {
  const found = /\/(models|tunedModels|endpoints)\/([^/:]+)(?::[a-zA-Z]+)?$/.exec(
    decodeSegment(asked.path),
  );
  if (!found?.[2]) return modelInBody(asked)?.replace(/^models\//, "");
  return found[1] === "models" ? found[2] : `${found[1]}/${found[2]}`;
}

/** Google's access tokens (`ya29.…`) and JWTs are sent as Bearer; everything else is an API key. */
function isAccessToken(secret: string): boolean {
  return secret.startsWith("ya29.") || secret.startsWith("eyJ");
}

/** Code Assist wraps each chunk in `response`. */
function answerOf(json: unknown): Fields {
  const chunk = asFields(json) ?? {};
  return asFields(chunk["response"]) ?? chunk;
}

function classifyEvent(event: StreamEvent): EventMeaning {
  if (event.name === "error") return "error";
  if (event.data === "") return "lifecycle";
  const json = parseJson(event.data);
  if (isErrorEvent(json)) return "error";
  const answer = answerOf(json);
  // A chunk with token counts only is not part of the response; a blocked prompt is the complete response.
  return isAnswered(answer) || asList(answer["candidates"]).some(candidateSpeaks)
    ? "payload"
    : "lifecycle";
}

/** Any chunk may have a `finishReason`, even one that others follow, so it completes a stream but is not terminal. */
function isFinished(answer: Fields): boolean {
  return hasEnd(answer, () => true);
}

/** `STOP` without a part and without a token is no answer; any other reason is one. */
function isAnswered(answer: Fields): boolean {
  return hasEnd(answer, (reason) => reason !== "STOP" || hasOutputTokens(answer));
}

function hasEnd(answer: Fields, counts: (finishReason: string) => boolean): boolean {
  if (textField(answer["promptFeedback"], "blockReason")) return true;
  return asList(answer["candidates"]).some((candidate) => {
    const reason = textField(candidate, "finishReason");
    return reason !== undefined && counts(reason);
  });
}

function hasOutputTokens(answer: Fields): boolean {
  const usage = asFields(answer["usageMetadata"]);
  return Number(usage?.["candidatesTokenCount"]) > 0 || Number(usage?.["thoughtsTokenCount"]) > 0;
}

/** A complete answer whose candidates contain nothing. */
function isEmptyAnswer(json: unknown): boolean {
  const answer = answerOf(json);
  const candidates = asList(answer["candidates"]);
  return (
    candidates.length > 0 &&
    isFinished(answer) &&
    !isAnswered(answer) &&
    !candidates.some(candidateSpeaks)
  );
}

function candidateSpeaks(candidate: unknown): boolean {
  const parts = asList(asFields(asFields(candidate)?.["content"])?.["parts"]);
  return parts.some((part) =>
    Object.values(asFields(part) ?? {}).some((value) => value !== true && isFilled(value)),
  );
}

function toStatus(error: RenderedError): Fields {
  const status =
    STATUS_NAMES[error.status] ?? (error.status < 500 ? "FAILED_PRECONDITION" : "INTERNAL");
  const details: Fields[] = [
    { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: error.code, domain: "h3-relay" },
  ];
  const wait = error.data?.["retry_after"];
  if (typeof wait === "number") {
    details.push({ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${wait}s` });
  }
  return { ...errorFields(error), reason: error.code, code: error.status, status, details };
}
