// A body that nobody here can read: sound, files, plain text. It passes as it comes.
import type { Gate } from "../gate.ts";
import { type Break, COMPLETED, MISFIT, type ReplyResult } from "../result.ts";
import type { Body, Step } from "./body.ts";

export class RawBody implements Body {
  readonly kind = "other";
  readonly #gate: Gate;

  constructor(gate: Gate) {
    this.#gate = gate;
  }

  onData(chunk: Uint8Array, now: number): Step {
    const gate = this.#gate;
    if (!gate.isOpen && !gate.open(now, this.kind)) return MISFIT;
    return gate.pass(chunk, now) ? "more" : "slow";
  }

  onEnd(now: number): ReplyResult {
    return this.#gate.isOpen || this.#gate.open(now, this.kind) ? COMPLETED : MISFIT;
  }

  onBreak(why: Break): ReplyResult {
    return this.#gate.broken(why);
  }
}
