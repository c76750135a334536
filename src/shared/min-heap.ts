// A binary heap of (time, member) that contains each member at most once.

/** Positions of the members in the heap; `undefined` for a member that is not in it. */
export interface HeapPositions<Member> {
  get(member: Member): number | undefined;
  set(member: Member, place: number): void;
  delete(member: Member): void;
}

export class MinHeap<Member> {
  readonly #times: number[] = [];
  readonly #members: Member[] = [];
  readonly #places: HeapPositions<Member>;

  /** Members that store their position themselves need no Map. */
  constructor(places: HeapPositions<Member> = new Map()) {
    this.#places = places;
  }

  get size(): number {
    return this.#times.length;
  }

  /** Time of the earliest entry (UTC epoch ms); `Infinity` where there is none. */
  get earliest(): number {
    return this.#times[0] ?? Infinity;
  }

  has(member: Member): boolean {
    return this.#places.get(member) !== undefined;
  }

  /** Returns the member's time (UTC epoch ms); 0 where it has none. */
  timeOf(member: Member): number {
    const place = this.#places.get(member);
    return place === undefined ? 0 : this.#times[place]!;
  }

  /** All members, in no order. */
  members(): Iterable<Member> {
    return this.#members;
  }

  /** Sets a member's time and replaces an earlier one. */
  set(member: Member, time: number): void {
    const place = this.#places.get(member) ?? this.#times.length;
    this.#settle(this.#rise(place, time), time, member);
  }

  delete(member: Member): void {
    const place = this.#places.get(member);
    if (place === undefined) return;
    this.#places.delete(member);
    const time = this.#times.pop()!;
    const last = this.#members.pop()!;
    if (last !== member) this.#settle(this.#rise(place, time), time, last);
  }

  /** Removes and returns the earliest member. Only while `size > 0`. */
  pop(): Member {
    const first = this.#members[0]!;
    this.delete(first);
    return first;
  }

  /**
   * Finds the smallest value of `valueOf`, where no value is below its entry's time; examines only entries that are earlier than the best
   * value so far. Returns `best` where none is smaller.
   */
  least(valueOf: (member: Member, time: number) => number, best: number, at: number = 0): number {
    if (at >= this.#times.length || this.#times[at]! >= best) return best;
    best = Math.min(best, valueOf(this.#members[at]!, this.#times[at]!));
    best = this.least(valueOf, best, 2 * at + 1);
    return this.least(valueOf, best, 2 * at + 2);
  }

  /** Moves later parents down; returns the free position. */
  #rise(at: number, time: number): number {
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#times[parent]! <= time) break;
      this.#place(at, this.#times[parent]!, this.#members[parent]!);
      at = parent;
    }
    return at;
  }

  /** Moves earlier children up, then puts the entry into the free position. */
  #settle(at: number, time: number, member: Member): void {
    const times = this.#times;
    for (;;) {
      let child = 2 * at + 1;
      if (child + 1 < times.length && times[child + 1]! < times[child]!) child++;
      if (child >= times.length || times[child]! >= time) break;
      this.#place(at, times[child]!, this.#members[child]!);
      at = child;
    }
    this.#place(at, time, member);
  }

  #place(at: number, time: number, member: Member): void {
    this.#times[at] = time;
    this.#members[at] = member;
    this.#places.set(member, at);
  }
}
