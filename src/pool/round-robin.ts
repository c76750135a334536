// The rotation in each tier: round robin, which advances after a number of selections in a row.
import type { Random } from "../contract/clock.ts";
import { setBounded } from "../shared/bounded-map.ts";

interface Turn {
  /** The member at which the next selection starts. */
  at: number;
  /** How often that member has been selected in a row. */
  served: number;
  /** Round of the lap, where the strategy has rounds. */
  round: number;
}

export class RoundRobin {
  /** Number of the first member of each tier, followed by the number of all members. */
  readonly #tierStarts: readonly number[];
  readonly #every: number;
  readonly #random: Random;
  readonly #turns = new Map<number, Turn>();

  constructor(tierStarts: readonly number[], every: number, random: Random) {
    this.#tierStarts = tierStarts;
    this.#every = every;
    this.#random = random;
  }

  /** Creates a rotation that continues from the state of this one. */
  copy(): RoundRobin {
    const copy = new RoundRobin(this.#tierStarts, this.#every, this.#random);
    for (const [tier, turn] of this.#turns) copy.#turns.set(tier, { ...turn });
    return copy;
  }

  /** The member at which the next selection in this tier starts. */
  cursor(tier: number): number {
    return this.#turn(tier).at;
  }

  /** Round of the lap in this tier; it is never reset. */
  round(tier: number): number {
    return this.#turn(tier).round;
  }

  /** Advances to a member of a round. */
  goTo(tier: number, round: number, member: number): void {
    const turn = this.#turn(tier);
    if (turn.at !== member) turn.served = 0;
    turn.at = member;
    turn.round = round;
  }

  /** Records that a member was selected. */
  took(tier: number, member: number): void {
    const turn = this.#turn(tier);
    const served = turn.at === member ? turn.served + 1 : 1;
    const isDone = served >= this.#every;
    turn.at = isDone ? this.#following(tier, member) : member;
    turn.served = isDone ? 0 : served;
    if (isDone && turn.at <= member) turn.round++;
  }

  /** Creates the rotation for other tiers and numbers: `numberOf` returns the new number of a member, -1 for a removed one. */
  renumbered(tierStarts: readonly number[], numberOf: (member: number) => number): RoundRobin {
    const copy = new RoundRobin(tierStarts, this.#every, this.#random);
    for (const turn of this.#turns.values()) {
      const at = numberOf(turn.at);
      const tier = at < 0 ? -1 : tierStarts.findIndex((start) => start > at) - 1;
      if (tier >= 0 && !copy.#turns.has(tier)) copy.#turns.set(tier, { ...turn, at });
    }
    return copy;
  }

  #following(tier: number, member: number): number {
    return member + 1 < this.#tierStarts[tier + 1]! ? member + 1 : this.#tierStarts[tier]!;
  }

  // A seeded offset, so that many instances that start at the same time do not all begin with the same credential (A12).
  #turn(tier: number): Turn {
    const known = this.#turns.get(tier);
    if (known) return known;
    const start = this.#tierStarts[tier]!;
    const at = start + Math.floor(this.#random() * (this.#tierStarts[tier + 1]! - start));
    const turn = { at, served: 0, round: 0 };
    this.#turns.set(tier, turn);
    return turn;
  }
}

/** A pool has few quota pools and few signatures; above this number the oldest rotation is dropped and starts anew. */
const ROTATIONS = 1_000;

/** The rotations of a pool: one per quota pool and signature, and separate ones for a family in which a member is closed. */
export class RoundRobins {
  readonly #shared = new Map<string, RoundRobin>();
  readonly #create: () => RoundRobin;

  constructor(create: () => RoundRobin) {
    this.#create = create;
  }

  of(pool: string, signature: string, own: Map<string, RoundRobin> | undefined): RoundRobin {
    const known = own?.get(signature);
    if (known) return known;
    const key = signature === "" ? pool : `${pool}\n${signature}`;
    const shared =
      this.#shared.get(key) ?? setBounded(this.#shared, key, this.#create(), ROTATIONS);
    return own ? setBounded(own, signature, shared.copy(), ROTATIONS) : shared;
  }

  /** Creates new rotations: shared ones by `renew`; those of families continue from the shared ones. */
  renewed(create: () => RoundRobin, renew: (rotation: RoundRobin) => RoundRobin): RoundRobins {
    const copy = new RoundRobins(create);
    for (const [key, rotation] of this.#shared) copy.#shared.set(key, renew(rotation));
    return copy;
  }
}
