// The common interface of the four kinds of body.
import type { Break, ReplyResult } from "../reply-result.ts";

/** The result of reading a chunk: continue, continue when the client has read, or the end of the reply. */
export type Step = "more" | "slow" | ReplyResult;

/** The body of one upstream response, by its kind. Each method may end the reply; none is called afterwards. */
export interface BodyReader {
  /** Only `events` fit a stream whose head was sent early (I1). */
  readonly kind: "refusal" | "events" | "other";
  onData(chunk: Uint8Array, now: number): Step;
  /** The upstream has ended its response normally. */
  onEnd(now: number): ReplyResult;
  /** The connection broke, or the upstream sent no data for too long. */
  onBreak(why: Break): ReplyResult;
}
