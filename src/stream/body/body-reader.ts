// What the four kinds of body have in common.
import type { Break, ReplyResult } from "../reply-result.ts";

/** What follows from a piece of a body: more of it, more when the client has read, or the end of the reply. */
export type Step = "more" | "slow" | ReplyResult;

/** One upstream answer's body, by its kind. Each method may end the reply; nothing is called after that. */
export interface BodyReader {
  /** `events` alone fit a stream that is begun by time (I1). */
  readonly kind: "refusal" | "events" | "other";
  onData(chunk: Uint8Array, now: number): Step;
  /** The upstream has ended its answer in good order. */
  onEnd(now: number): ReplyResult;
  /** It has broken off, or fallen silent. */
  onBreak(why: Break): ReplyResult;
}
