// The open objects and arrays of a JSON document: one bit for each, because a document may have millions of them.

export class JsonLevels {
  depth = 0;
  /** Whether the innermost is an object. */
  inObject = false;
  /** 1 for an object. */
  #bits: Uint8Array = new Uint8Array(16);

  push(isObject: boolean): void {
    const at = this.depth >> 3;
    if (at >= this.#bits.length) this.#grow();
    const bit = 1 << (this.depth & 7);
    if (isObject) this.#bits[at]! |= bit;
    else this.#bits[at]! &= ~bit;
    this.depth++;
    this.inObject = isObject;
  }

  pop(): void {
    const above = --this.depth - 1;
    this.inObject = above >= 0 && (this.#bits[above >> 3]! & (1 << (above & 7))) !== 0;
  }

  #grow(): void {
    const larger = new Uint8Array(2 * this.#bits.length);
    larger.set(this.#bits);
    this.#bits = larger;
  }
}
