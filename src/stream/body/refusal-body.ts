// The body of an unsuccessful response. Its beginning is sufficient, and its status matters more than a later fault.
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
