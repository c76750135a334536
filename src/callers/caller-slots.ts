// Requests under way, counted by caller. An entry lives only while a request of its caller does, so that the number of callers
// ever seen costs nothing.

/** The place of one caller: all its requests share it. */
export class CallerSlot {
  count = 0;
  readonly #key: string;
  readonly #owner: Map<string, CallerSlot>;

  constructor(key: string, owner: Map<string, CallerSlot>) {
    this.#key = key;
    this.#owner = owner;
  }

  /** Gives back what one request has taken. */
  giveBack(): void {
    if (--this.count === 0) this.#owner.delete(this.#key);
  }
}

export class CallerSlots {
  readonly #taken = new Map<string, CallerSlot>();

  /** Callers that have a request under way. */
  get size(): number {
    return this.#taken.size;
  }

  /** Takes one for a caller; `undefined` where it has `limit` of them. */
  take(key: string, limit: number): CallerSlot | undefined {
    let slot = this.#taken.get(key);
    if (!slot) this.#taken.set(key, (slot = new CallerSlot(key, this.#taken)));
    if (slot.count >= limit) return undefined;
    slot.count++;
    return slot;
  }
}
