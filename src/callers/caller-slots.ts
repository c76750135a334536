// Requests in progress, counted per caller. An entry exists only while a request of its caller is in progress, so callers seen in the past
// cost nothing.

/** The counter of one caller, shared by all its requests. */
export class CallerSlot {
  count = 0;
  readonly #key: string;
  readonly #owner: Map<string, CallerSlot>;

  constructor(key: string, owner: Map<string, CallerSlot>) {
    this.#key = key;
    this.#owner = owner;
  }

  /** Gives back the slot of one request. */
  giveBack(): void {
    if (--this.count === 0) this.#owner.delete(this.#key);
  }
}

export class CallerSlots {
  readonly #taken = new Map<string, CallerSlot>();

  /** Number of callers with a request in progress. */
  get size(): number {
    return this.#taken.size;
  }

  /** Takes a slot for a caller; `undefined` where the caller already has `limit` of them. */
  take(key: string, limit: number): CallerSlot | undefined {
    let slot = this.#taken.get(key);
    if (!slot) this.#taken.set(key, (slot = new CallerSlot(key, this.#taken)));
    if (slot.count >= limit) return undefined;
    slot.count++;
    return slot;
  }
}
