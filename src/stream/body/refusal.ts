// The body of an answer that is no success. Its beginning says enough, and its status more than any fault after it.
import { type Gate, REFUSAL_SIZE } from "../gate.ts";
import type { ReplyResult } from "../result.ts";
import type { Body, Step } from "./body.ts";

export class RefusalBody implements Body {
  readonly kind = "refusal";
  readonly #gate: Gate;

  constructor(gate: Gate) {
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
