// An unordered collection for objects that are added and removed with every request.

/** A member of a bag stores its own position. */
export interface Bagged {
  /** Position in the bag; only the bag sets it. */
  place: number;
}

/**
 * An array whose members store their positions, in place of a `Set`. A `Set` with constant additions and removals is replaced by table
 * after table, and V8 has each table refer to the next. As soon as one is old, everything in the later ones is kept until a full
 * collection, though it was removed long ago.
 */
export class Bag<Member extends Bagged> implements Iterable<Member> {
  readonly #members: Member[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: Member): void {
    member.place = this.#members.push(member) - 1;
  }

  /** Removes a member; the last member takes its position. No effect where it is not in the bag. */
  delete(member: Member): void {
    if (this.#members[member.place] !== member) return;
    const last = this.#members.pop()!;
    if (last === member) return;
    this.#members[member.place] = last;
    last.place = member.place;
  }

  /** The members at this moment, even if some leave during the iteration. */
  [Symbol.iterator](): Iterator<Member> {
    return this.#members.slice()[Symbol.iterator]();
  }
}
