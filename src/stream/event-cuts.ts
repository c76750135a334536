// The events of some bytes that do not go to the client as they came: removed, or replaced.
import { joinBytes } from "../shared/bytes.ts";

interface Cut {
  start: number;
  end: number;
  /** What goes in its place. */
  instead: Uint8Array | undefined;
}

export class EventCuts {
  readonly #cuts: Cut[] = [];

  /** Adds a part of the bytes; parts come in order. */
  add(start: number, end: number, instead: Uint8Array | undefined): void {
    this.#cuts.push({ start, end, instead });
  }

  /** The bytes as they go to the client. */
  apply(bytes: Uint8Array): Uint8Array {
    const kept: Uint8Array[] = [];
    let from = 0;
    for (const { start, end, instead } of this.#cuts) {
      if (start > from) kept.push(bytes.subarray(from, start));
      if (instead) kept.push(instead);
      from = end;
    }
    if (from < bytes.length) kept.push(bytes.subarray(from));
    return joinBytes(kept);
  }
}
