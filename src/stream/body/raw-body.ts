// A body that is not parsed: audio, files, plain text. It is passed on unchanged.
import type { CommitGate } from "../commit-gate.ts";
import { type Break, COMPLETED, NOT_STREAMABLE, type ReplyResult } from "../reply-result.ts";
import type { BodyReader, Step } from "./body-reader.ts";

export class RawBody implements BodyReader {
  readonly kind = "other";
  readonly #gate: CommitGate;

  constructor(gate: CommitGate) {
    this.#gate = gate;
  }

  onData(chunk: Uint8Array, now: number): Step {
    const gate = this.#gate;
    if (!gate.isOpen) {
      if (!gate.open(now, this.kind)) return NOT_STREAMABLE;
      gate.bytesArePayload();
    }
    return gate.pass(chunk, now) ? "more" : "slow";
  }

  onEnd(now: number): ReplyResult {
    return this.#gate.isOpen || this.#gate.open(now, this.kind) ? COMPLETED : NOT_STREAMABLE;
  }

  onBreak(why: Break): ReplyResult {
    return this.#gate.broken(why);
  }
}
