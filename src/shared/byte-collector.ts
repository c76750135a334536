// Collects the pieces of a body in one buffer: a million pieces of one byte cost what one piece of a megabyte costs.
import { NO_BYTES } from "./bytes.ts";

/** Size of the first buffer, in bytes. */
const FIRST_SIZE = 1_024;

export class ByteCollector {
  length = 0;
  /** The first piece itself; from the second on a buffer with room to grow. */
  #buffer: Uint8Array = NO_BYTES;
  #ownsBuffer = false;
  readonly #expected: number;

  /** `expected`: announced size, in bytes; 0 where it is not known. */
  constructor(expected = 0) {
    this.#expected = expected;
  }

  /** Adds a piece. The first one is not copied; it must not be changed afterwards. */
  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    const length = this.length + piece.length;
    if (this.length === 0) {
      this.#buffer = piece;
      this.#ownsBuffer = false;
    } else {
      if (!this.#ownsBuffer || length > this.#buffer.length) this.#grow(length);
      this.#buffer.set(piece, this.length);
    }
    this.length = length;
  }

  /** All bytes, in the collector's own buffer. */
  bytes(): Uint8Array {
    return this.#buffer.length === this.length
      ? this.#buffer
      : this.#buffer.subarray(0, this.length);
  }

  drop(): void {
    this.#buffer = NO_BYTES;
    this.#ownsBuffer = false;
    this.length = 0;
  }

  #grow(length: number): void {
    const larger = new Uint8Array(this.#nextSize(length));
    larger.set(this.#buffer.subarray(0, this.length));
    this.#buffer = larger;
    this.#ownsBuffer = true;
  }

  // The announced size only when a part of it has arrived: an announcement alone must not take memory.
  #nextSize(length: number): number {
    const isNear = length <= this.#expected && 16 * length >= this.#expected;
    return isNear ? this.#expected : Math.max(FIRST_SIZE, 2 * length);
  }
}
