// An error that stands inside the body of a 200.
import type { Answer } from "./answer.ts";
import type { Behaviour, ErrorInside, HintPlace } from "./behaviour.ts";
import type { Call } from "./call.ts";
import type { Complaint } from "./refusal-texts.ts";
import { errorBody } from "./error-bodies.ts";
import { toEvent } from "./frames.ts";
import type { Draft, Frame } from "./frames.ts";
import { complaintOf } from "./refusals.ts";

/** Writes an error as the dialect puts it into a stream; where the answer is no stream of events, as bare JSON. */
export function toErrorFrame(
  call: Call,
  answer: Answer,
  error: ErrorInside,
  wire: Behaviour,
): Frame {
  if (error.raw !== undefined) return { bytes: Buffer.from(error.raw), kind: "error" };
  const model = call.model ?? "simulated-model";
  const hints = error.wait === undefined ? undefined : (["message"] as const);
  const complaint = complaintOf({ kind: error.kind ?? "capacity", wait: error.wait, hints }, model);
  const draft = toDraft(call, answer, error, complaint);
  if (String(answer.headers["content-type"]).startsWith("text/event-stream"))
    return toEvent(draft, wire);
  return { bytes: Buffer.from(`${draft.data}\n`), kind: "error" };
}

function toDraft(call: Call, answer: Answer, error: ErrorInside, complaint: Complaint): Draft {
  const { dialect, operation, model = "simulated-model" } = call;
  const places = new Set<HintPlace>(["retry-info"]);
  const hint = error.wait === undefined ? undefined : { wait: error.wait, places, now: call.at };
  const plain = errorBody({ dialect, model }, complaint, hint);
  if (error.shape === "choice")
    return { data: JSON.stringify(inChoice(model, complaint)), kind: "error" };
  if (error.shape === "response") return inResponse(answer.ask?.id ?? "", complaint);
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

function inChoice(model: string, complaint: Complaint): object {
  const error = { code: complaint.status, message: complaint.message };
  const choices = [
    { index: 0, delta: { role: "assistant", content: "" }, finish_reason: "error", error },
  ];
  return { id: "gen-simulated", object: "chat.completion.chunk", created: 0, model, choices };
}

function inResponse(id: string, complaint: Complaint): Draft {
  const error = { code: complaint.openai[1] ?? "server_error", message: complaint.message };
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
