// The members of a pool that one request may use: those that serve its model, without those closed for its family.
import { type BitSet, nextInAll } from "../shared/bitset.ts";
import type { ClosedSet } from "./closed-set.ts";
import type { MemberTable } from "./member-table.ts";

export class EligibleMembers {
  readonly #members: MemberTable;
  readonly #serving: BitSet | undefined;
  readonly #closed: ClosedSet | undefined;

  constructor(members: MemberTable, serving: BitSet | undefined, closed: ClosedSet | undefined) {
    this.#members = members;
    this.#serving = serving;
    this.#closed = closed;
  }

  /** True when a member serves the model. */
  serves(member: number): boolean {
    return this.#serving?.has(member) ?? true;
  }

  isEligible(member: number): boolean {
    return this.#members.usable.has(member) && this.serves(member) && !this.#closed?.has(member);
  }

  /** Until when a cooldown keeps a member from serving (UTC epoch ms); 0 where none does. */
  untilOf(member: number): number {
    return Math.max(this.#members.closed.until(member), this.#closed?.until(member) ?? 0);
  }

  /** The best tier with an eligible member; -1 where no member is eligible. */
  bestTier(out: readonly number[]): number {
    const { tierStarts, size, usable } = this.#members;
    if (size === 0) return -1;
    if (tierStarts.length === 2) return 0;
    const best = this.#nextOpen(usable, 0, size, out);
    return best < 0 ? -1 : this.#members.tierOf(best);
  }

  /** Finds the first eligible member in [from, end), among those of a set where one is given; -1 where there is none. */
  find(among: BitSet | undefined, from: number, end: number, out: readonly number[]): number {
    return this.#nextOpen(this.#members.usable, from, end, out, among);
  }

  /** True when a member outside `out` is eligible. */
  hasAny(out: readonly number[]): boolean {
    return this.#nextOpen(this.#members.usable, 0, this.#members.size, out) >= 0;
  }

  /** True when a member outside `out` only lacks a free slot. */
  hasBusy(out: readonly number[]): boolean {
    return this.#nextOpen(this.#members.busy, 0, this.#members.size, out) >= 0;
  }

  /** True when an enabled member outside `out` serves the model, closed or not. */
  hasCandidate(out: readonly number[]): boolean {
    const { enabled, size } = this.#members;
    const sets = this.#serving ? [enabled, this.#serving] : [enabled];
    return nextBut(sets, 0, size, (member) => out.includes(member)) >= 0;
  }

  /** Finds the member whose cooldown ends first, and when; -1 and `Infinity` where none ends by time. */
  firstOpening(): { at: number; member: number } {
    let first = -1;
    let best = Infinity;
    const look = (member: number): number => {
      if (!this.#members.enabled.has(member) || !this.serves(member)) return Infinity;
      const at = this.untilOf(member);
      if (at < best) [best, first] = [at, member];
      return at;
    };
    this.#members.closed.least(look, Infinity);
    this.#closed?.least(look, best);
    return { at: best, member: first };
  }

  #nextOpen(
    among: BitSet,
    from: number,
    end: number,
    out: readonly number[],
    within?: BitSet,
  ): number {
    const closed = this.#closed;
    const sets = [among];
    if (within) sets.push(within);
    if (this.#serving) sets.push(this.#serving);
    if (closed?.open) sets.push(closed.open);
    return nextBut(
      sets,
      from,
      end,
      (member) => out.includes(member) || (closed !== undefined && closed.has(member)),
    );
  }
}

/** Returns the first number in [from, end) that is in all sets and not skipped, or -1. */
function nextBut(
  sets: readonly BitSet[],
  from: number,
  end: number,
  skips: (member: number) => boolean,
): number {
  let member = nextInAll(sets, from);
  while (member >= 0 && member < end && skips(member)) member = nextInAll(sets, member + 1);
  return member >= 0 && member < end ? member : -1;
}
