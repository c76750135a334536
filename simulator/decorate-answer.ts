// Additions to a normal answer: headers and frames that a behaviour asks for.
import type { Behaviour } from "./behaviour.ts";
import type { Answer } from "./frames.ts";
import type { Frame } from "./frames.ts";

const BYTE_ORDER_MARK = Buffer.from("\uFEFF");
const BLANKS = Buffer.alloc(64 * 1024, " ");

/** Returns the answer with the behaviour's additions. */
export function decorate(answer: Answer, behaviour: Behaviour): Answer {
  const { headers } = answer;
  const frames = dressFrames(answer.frames, behaviour);
  return {
    ...answer,
    headers: { ...headers, ...encodingHeaders(behaviour), ...fillers(behaviour) },
    frames,
  };
}

/** Returns JSON as frames that together have at least this size, in bytes: spaces are inserted before the last brace. */
export function* padJson(json: string, bytes: number): Generator<Frame> {
  yield { bytes: Buffer.from(json.slice(0, -1)), kind: "payload" };
  for (let missing = bytes - json.length; missing > 0; missing -= BLANKS.length) {
    yield {
      bytes: missing < BLANKS.length ? BLANKS.subarray(0, missing) : BLANKS,
      kind: "closing",
    };
  }
  yield { bytes: Buffer.from(json.slice(-1)), kind: "closing" };
}

function dressFrames(
  frames: Iterable<Frame>,
  { empty, byteOrderMark }: Behaviour,
): Iterable<Frame> {
  if (empty === "body") return [];
  if (empty === "comments")
    return [{ bytes: Buffer.from(": nothing to say\n\n"), kind: "comment" }];
  return byteOrderMark ? markFirst(frames) : frames;
}

function* markFirst(frames: Iterable<Frame>): Generator<Frame> {
  let mark: Buffer | undefined = BYTE_ORDER_MARK;
  for (const frame of frames) {
    yield mark === undefined ? frame : { ...frame, bytes: Buffer.concat([mark, frame.bytes]) };
    mark = undefined;
  }
}

function encodingHeaders({ encoding, claims }: Behaviour): Record<string, string> {
  const claimed = claims ?? encoding;
  return claimed === undefined || claimed === "none" ? {} : { "content-encoding": claimed };
}

function fillers({ headerBytes }: Behaviour): Record<string, string> {
  return headerBytes === undefined ? {} : { "x-filler": "x".repeat(headerBytes) };
}
