// Joins the small chunks of an answer that arrive together, so that a million chunks of one byte cost what a megabyte costs.
import { ByteCollector } from "../shared/byte-collector.ts";

/** Chunks below this size are small, in bytes. Events of models are larger. */
export const SMALL_CHUNK = 64;
/** Small chunks of one read that pass as they are. */
const PASSED = 16;
/** Small chunks after which other work has its turn: parsing them blocks the event loop. */
const IN_TURN = 10_000;

export interface ChunkOwner {
  passOn(bytes: Uint8Array): void;
  /** Stops reading until the next turn of the event loop. */
  takeBreak(): void;
}

export class SmallChunks {
  readonly #owner: ChunkOwner;
  #countInRead = 0;
  #countInTurn = 0;
  #joined: ByteCollector | undefined;

  constructor(owner: ChunkOwner) {
    this.#owner = owner;
  }

  add(chunk: Uint8Array): void {
    // After the microtasks of a read everything that arrived with it has been passed on.
    if (this.#countInRead++ === 0) queueMicrotask(() => this.#endRead());
    if (this.#countInRead <= PASSED) return this.#owner.passOn(chunk);
    (this.#joined ??= new ByteCollector()).add(chunk);
  }

  /** Passes on what has been joined: before a larger chunk and before the end. */
  flush(): void {
    const joined = this.#joined;
    this.#joined = undefined;
    if (joined) this.#owner.passOn(joined.bytes());
  }

  #endRead(): void {
    this.#countInTurn += this.#countInRead;
    this.#countInRead = 0;
    this.flush();
    if (this.#countInTurn < IN_TURN) return;
    this.#countInTurn = 0;
    this.#owner.takeBreak();
  }
}
