// Turns events into bytes.
import type { Ask } from "./ask.ts";
import type { Behaviour } from "./behaviour.ts";

/** `closing` has no text: a finish reason, usage, the end of a content block. */
export type FrameKind = "lifecycle" | "payload" | "closing" | "terminal" | "comment" | "error";

export interface Draft {
  /** The `event` field, where the dialect sends one. */
  name?: string;
  data: string;
  kind: FrameKind;
}

/** Bytes that are written together. */
export interface Frame {
  bytes: Buffer;
  kind: FrameKind;
}

/** An answer that is ready to be sent. */
export interface Answer {
  status: number;
  headers: Record<string, string | string[]>;
  frames: Iterable<Frame>;
  /** The parsed request behind a normal answer. */
  ask: Ask | undefined;
}

/** Writes one server-sent event. */
export function toEvent(
  draft: Draft,
  wire: Pick<Behaviour, "lineEnd" | "multiline" | "comments">,
): Frame {
  const end = wire.lineEnd ?? "\n";
  const name = draft.name === undefined ? "" : `event: ${draft.name}${end}`;
  const comment = wire.comments ? `: keepalive${end}${end}` : "";
  const lines = wire.multiline ? breakJson(draft.data) : [draft.data];
  const data = lines.map((line) => `data: ${line}${end}`).join("");
  return { bytes: Buffer.from(`${comment}${name}${data}${end}`), kind: draft.kind };
}

// A line break is allowed between the tokens of JSON, never inside a string: indenting finds only such places.
function breakJson(data: string): string[] {
  try {
    return JSON.stringify(JSON.parse(data), null, 1).split("\n");
  } catch {
    return [data];
  }
}
