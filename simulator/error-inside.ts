// An error inside the body of a 200.
import type { Answer } from "./frames.ts";
import type { Behaviour, ErrorInside, HintPlace } from "./behaviour.ts";
import type { Call } from "./call.ts";
import type { RefusalText } from "./refusal-texts.ts";
import { errorBody } from "./error-bodies.ts";
import { toEvent } from "./frames.ts";
import type { Draft, Frame } from "./frames.ts";
import { refusalTextOf } from "./refusals.ts";

/** Writes an error as an event of the dialect's stream; where the answer is not a stream of events, as bare JSON. */
export function toErrorFrame(
  call: Call,
  answer: Answer,
  error: ErrorInside,
  wire: Behaviour,
): Frame {
  if (error.raw !== undefined) return { bytes: Buffer.from(error.raw), kind: "error" };
  const model = call.model ?? "simulated-model";
  const hints = error.wait === undefined ? undefined : (["message"] as const);
  const text = refusalTextOf({ kind: error.kind ?? "capacity", wait: error.wait, hints }, model);
  const draft = toDraft(call, answer, error, text);
  if (String(answer.headers["content-type"]).startsWith("text/event-stream"))
    return toEvent(draft, wire);
  return { bytes: Buffer.from(`${draft.data}\n`), kind: "error" };
}

function toDraft(call: Call, answer: Answer, error: ErrorInside, text: RefusalText): Draft {
  const { dialect, operation, model = "simulated-model" } = call;
  const places = new Set<HintPlace>(["retry-info"]);
  const hint = error.wait === undefined ? undefined : { wait: error.wait, places, now: call.at };
  const plain = errorBody({ dialect, model }, text, hint);
  if (error.shape === "choice")
    return { data: JSON.stringify(inChoice(model, text)), kind: "error" };
  if (error.shape === "response") return inResponse(answer.ask?.id ?? "", text);
  if (dialect === "anthropic") return { name: "error", data: JSON.stringify(plain), kind: "error" };
  if (operation === "responses") {
    return {
      name: "error",
      data: JSON.stringify({ type: "error", ...plain, sequence_number: 2 }),
      kind: "error",
    };
  }
  return { data: JSON.stringify(plain), kind: "error" };
}

function inChoice(model: string, text: RefusalText): object {
  const error = { code: text.status, message: text.message };
  const choices = [
    { index: 0, delta: { role: "assistant", content: "" }, finish_reason: "error", error },
  ];
  return { id: "gen-simulated", object: "chat.completion.chunk", created: 0, model, choices };
}

function inResponse(id: string, text: RefusalText): Draft {
  const error = { code: text.openai[1] ?? "server_error", message: text.message };
  const response = {
    id: `resp_${id}`,
    object: "response",
    status: "failed",
    error,
    output: [],
    usage: null,
  };
  const data = JSON.stringify({ type: "response.failed", sequence_number: 3, response });
  return { name: "response.failed", data, kind: "error" };
}
