// The last bytes of a body that is passed on.
import { joinBytes, NO_BYTES } from "../../shared/bytes.ts";

export class Tail {
  readonly #size: number;
  /** Room for twice the size, so that small chunks are moved once per `size` bytes; created by the first small chunk. */
  #buffer: Uint8Array = NO_BYTES;
  #length = 0;
  /** The last large chunk, whose end is at least the whole tail. */
  #chunk: Uint8Array = NO_BYTES;

  constructor(size: number) {
    this.#size = size;
  }

  add(chunk: Uint8Array): void {
    if (chunk.length >= this.#size) {
      this.#chunk = chunk.subarray(-this.#size);
      this.#length = 0;
      return;
    }
    if (this.#buffer.length === 0) this.#buffer = new Uint8Array(2 * this.#size);
    if (this.#length + chunk.length > this.#buffer.length) this.#moveToStart();
    this.#buffer.set(chunk, this.#length);
    this.#length += chunk.length;
  }

  /** The last bytes: all of them, or `size` and possibly more. */
  bytes(): Uint8Array {
    return joinBytes([this.#chunk, this.#buffer.subarray(0, this.#length)]);
  }

  #moveToStart(): void {
    this.#buffer.copyWithin(0, this.#length - this.#size, this.#length);
    this.#length = this.#size;
    this.#chunk = NO_BYTES;
  }
}
