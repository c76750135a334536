// Things that come and go with every request, in no order.

/** What a bag may hold: it keeps its own place there. */
export interface Bagged {
  /** Its place in the bag, which alone sets it. */
  place: number;
}

/**
 * An array whose members know their places, instead of a `Set`: a `Set` that is added to and taken from all the time grows
 * into table after table, and V8 has each of them hold the next. As soon as one has become old, whatever was in those after
 * it is kept until a full collection, though it has long ended.
 */
export class Bag<Member extends Bagged> implements Iterable<Member> {
  readonly #members: Member[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: Member): void {
    member.place = this.#members.push(member) - 1;
  }

  /** Takes a member out, whose place the last one gets. Nothing happens where it is not in the bag. */
  delete(member: Member): void {
    if (this.#members[member.place] !== member) return;
    const last = this.#members.pop()!;
    if (last === member) return;
    this.#members[member.place] = last;
    last.place = member.place;
  }

  /** Those in the bag at this moment, whoever leaves meanwhile. */
  [Symbol.iterator](): Iterator<Member> {
    return this.#members.slice()[Symbol.iterator]();
  }
}
