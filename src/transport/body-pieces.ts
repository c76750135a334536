// A large request body for undici, in pieces: undici keeps what it is given until the answer has ended, so it is given nothing but this.

/** Size of a piece, in bytes. */
const PIECE = 262_144;

/** Yields the bytes once, and keeps none that have been sent. */
export class BodyPieces implements AsyncIterable<Uint8Array> {
  readonly length: number;
  /** What has not been sent, last first. */
  readonly #left: Uint8Array[];

  constructor(pieces: readonly Uint8Array[]) {
    this.length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#left = pieces.toReversed();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    for (let next = this.#left.pop(); next; next = this.#left.pop()) {
      if (next.length > PIECE) this.#left.push(next.subarray(PIECE));
      yield next.subarray(0, PIECE);
    }
  }
}
