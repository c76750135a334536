// One view of the pool: the credentials that may serve one quota pool × family now, by tier, in rotation order.
import type { Random } from "../contract/clock.ts";
import { Bits } from "./bits.ts";
import { Deadlines } from "./deadlines.ts";

/** What a lane asks about a member. Members are numbered through, best tier first. */
export interface LaneMembers {
  /** Number of the first member of each tier, and at the end the number of all. */
  readonly tierStarts: readonly number[];
  /** When the member may be used for this lane: 0 = now, `Infinity` = not before something other than time changes. */
  opensAt(member: number, now: number): number;
}

export class Lane {
  readonly #members: LaneMembers;
  readonly #open: Bits;
  readonly #deadlines = new Deadlines();
  /** Where the rotation stands in each tier, and how often the member there has served in a row. */
  readonly #cursors: number[];
  readonly #served: number[];

  constructor(members: LaneMembers, random: Random, now: number, like?: Lane) {
    const { tierStarts } = members;
    this.#members = members;
    this.#open = new Bits(tierStarts[tierStarts.length - 1]!);
    // A seeded offset: many instances that start at once must not all begin with the same credential (A12).
    this.#cursors = like
      ? [...like.#cursors]
      : tierStarts
          .slice(0, -1)
          .map((start, tier) => start + Math.floor(random() * (tierStarts[tier + 1]! - start)));
    this.#served = like ? [...like.#served] : this.#cursors.map(() => 0);
    for (let member = 0; member < this.#open.size; member++) this.refresh(member, now);
  }

  /** Looks at a member anew after something about it has changed. */
  refresh(member: number, now: number): void {
    const at = this.#members.opensAt(member, now);
    if (at === 0) return this.#open.add(member);
    this.#open.remove(member);
    if (at !== Infinity) this.#deadlines.push(at, member);
  }

  has(member: number, now: number): boolean {
    this.#wake(now);
    return this.#open.has(member);
  }

  /** Returns the next member in turn that is not in `excluded`, or -1. Rotation moves on with `took`. */
  next(now: number, excluded: readonly number[]): number {
    this.#wake(now);
    const { tierStarts } = this.#members;
    for (let tier = 0; tier < this.#cursors.length; tier++) {
      const member = this.#nextIn(
        tierStarts[tier]!,
        tierStarts[tier + 1]!,
        this.#cursors[tier]!,
        excluded,
      );
      if (member >= 0) return member;
    }
    return -1;
  }

  #nextIn(start: number, end: number, cursor: number, excluded: readonly number[]): number {
    const after = this.#nextBetween(cursor, end, excluded);
    return after >= 0 ? after : this.#nextBetween(start, cursor, excluded);
  }

  #nextBetween(from: number, end: number, excluded: readonly number[]): number {
    let member = this.#open.next(from);
    while (member >= 0 && member < end && excluded.includes(member))
      member = this.#open.next(member + 1);
    return member >= 0 && member < end ? member : -1;
  }

  /** Moves the rotation on once a member has served `rotateEvery` times in a row. */
  took(member: number, rotateEvery: number): void {
    const { tierStarts } = this.#members;
    let tier = 0;
    while (member >= tierStarts[tier + 1]!) tier++;
    const served = this.#cursors[tier] === member ? this.#served[tier]! + 1 : 1;
    const isDone = served >= rotateEvery;
    const following = member + 1 < tierStarts[tier + 1]! ? member + 1 : tierStarts[tier]!;
    this.#cursors[tier] = isDone ? following : member;
    this.#served[tier] = isDone ? 0 : served;
  }

  /** When the first member that time alone holds back comes free; `Infinity` where there is none. Its number is `soonest`. */
  nextOpening(now: number): { at: number; soonest: number } {
    this.#wake(now);
    while (this.#deadlines.size > 0) {
      const at = this.#deadlines.earliest;
      const soonest = this.#deadlines.pop();
      const really = this.#members.opensAt(soonest, now);
      if (really !== 0 && really !== Infinity) this.#deadlines.push(really, soonest);
      if (really === at) return { at, soonest };
    }
    return { at: Infinity, soonest: -1 };
  }

  /** True where nothing in this lane waits for its time. */
  get isQuiet(): boolean {
    return this.#deadlines.size === 0;
  }

  #wake(now: number): void {
    while (this.#deadlines.earliest <= now) this.refresh(this.#deadlines.pop(), now);
  }
}
