// Errors in a stream that is a JSON array (Google's without `alt=sse`): the error is the last element, and may quote a secret (J7).
import { joinBytes, NO_BYTES } from "../../shared/bytes.ts";
import { Tail } from "./tail.ts";

/** An element that is an error. */
const ERROR_ELEMENT = /[[,]\s*\{\s*"error"\s*:/;
/** Longest beginning of an error that may be in the chunks before, in bytes. */
const START_SIZE = 32;
/** An error is held up to this size, in bytes. */
const HELD_SIZE = 65_536;

export class ArrayErrors {
  readonly #redact: (text: string) => string;
  /** The bytes before the next chunk. */
  readonly #before = new Tail(START_SIZE);
  #held: Uint8Array[] | undefined;
  #heldLength = 0;

  constructor(redact: (text: string) => string) {
    this.#redact = redact;
  }

  /** Returns what may go to the client now. An error goes when it is complete: its secret may be in two chunks. */
  push(chunk: Uint8Array): Uint8Array {
    const isError = this.#held !== undefined || this.#beginsIn(chunk);
    this.#before.add(chunk);
    if (!isError) return chunk;
    (this.#held ??= []).push(chunk);
    this.#heldLength += chunk.length;
    return this.#heldLength < HELD_SIZE ? NO_BYTES : this.end();
  }

  /** Returns the error, if there is one, without the secrets that it quotes. */
  end(): Uint8Array {
    const error = joinBytes(this.#held ?? []);
    this.#held = undefined;
    this.#heldLength = 0;
    const text = decode(error);
    const hidden = this.#redact(text);
    return hidden === text ? error : new TextEncoder().encode(hidden);
  }

  #beginsIn(chunk: Uint8Array): boolean {
    return ERROR_ELEMENT.test(decode(this.#before.bytes()) + decode(chunk));
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
