// The body of an answer that is no success. Its beginning says enough, and its status more than any fault after it.
import { type CommitGate, REFUSAL_SIZE } from "../commit-gate.ts";
import type { ReplyResult } from "../reply-result.ts";
import type { BodyReader, Step } from "./body-reader.ts";

export class RefusalBody implements BodyReader {
  readonly kind = "refusal";
  readonly #gate: CommitGate;

  constructor(gate: CommitGate) {
    this.#gate = gate;
  }

  onData(chunk: Uint8Array): Step {
    return this.#gate.hold(chunk) < REFUSAL_SIZE ? "more" : this.onEnd();
  }

  onEnd(): ReplyResult {
    return this.#gate.refused(this.#gate.readHeld(), false);
  }

  onBreak(): ReplyResult {
    return this.onEnd();
  }
}
