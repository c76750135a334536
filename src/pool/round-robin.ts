// Whose turn it is in each tier: round robin, moving on after so many choices in a row.
import type { Random } from "../contract/clock.ts";
import { setBounded } from "../shared/bounded-map.ts";

interface Turn {
  /** The member that the next choice looks at first. */
  at: number;
  /** How often that member has served in a row. */
  served: number;
  /** Round of the lap, where the strategy has rounds. */
  round: number;
}

export class RoundRobin {
  /** Number of the first member of each tier, and at the end the number of all. */
  readonly #tierStarts: readonly number[];
  readonly #every: number;
  readonly #random: Random;
  readonly #turns = new Map<number, Turn>();

  constructor(tierStarts: readonly number[], every: number, random: Random) {
    this.#tierStarts = tierStarts;
    this.#every = every;
    this.#random = random;
  }

  /** Makes a rotation that goes on from where this one stands. */
  copy(): RoundRobin {
    const copy = new RoundRobin(this.#tierStarts, this.#every, this.#random);
    for (const [tier, turn] of this.#turns) copy.#turns.set(tier, { ...turn });
    return copy;
  }

  /** The member from which the next choice in this tier starts. */
  cursor(tier: number): number {
    return this.#turn(tier).at;
  }

  /** Round of the lap that this tier is in. It counts on for ever. */
  round(tier: number): number {
    return this.#turn(tier).round;
  }

  /** Goes on to a member of a round. */
  goTo(tier: number, round: number, member: number): void {
    const turn = this.#turn(tier);
    if (turn.at !== member) turn.served = 0;
    turn.at = member;
    turn.round = round;
  }

  /** Notes that a member was chosen. */
  took(tier: number, member: number): void {
    const turn = this.#turn(tier);
    const served = turn.at === member ? turn.served + 1 : 1;
    const isDone = served >= this.#every;
    turn.at = isDone ? this.#following(tier, member) : member;
    turn.served = isDone ? 0 : served;
    if (isDone && turn.at <= member) turn.round++;
  }

  /** Makes the same for other tiers and numbers: `numberOf` says what becomes of each, -1 for who has left. */
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

  // A seeded offset: many instances that start at once must not all begin with the same credential (A12).
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

/** A pool has few quota pools and few signatures; should it ever have many, some start anew. */
const ROTATIONS = 1_000;

/** The rotations of a pool: one for each quota pool and signature, and a family's own where it has something closed. */
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

  /** Makes the same with each shared rotation made anew. Those of families go on from them. */
  renewed(create: () => RoundRobin, renew: (rotation: RoundRobin) => RoundRobin): RoundRobins {
    const copy = new RoundRobins(create);
    for (const [key, rotation] of this.#shared) copy.#shared.set(key, renew(rotation));
    return copy;
  }
}
