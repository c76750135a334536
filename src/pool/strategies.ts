// Selects the next of the eligible members of the best tier (A4). Each strategy queries sets of members and never scans them.
import type { Candidate, ChooseFunction } from "../contract/strategy.ts";
import type { BitSet } from "../shared/bitset.ts";
import type { MemberTable } from "./member-table.ts";
import type { RoundRobin } from "./round-robin.ts";
import type { QuotaIndex } from "../quota/quota-index.ts";
import type { EligibleMembers } from "./eligible-members.ts";

/** The input of a strategy. */
export interface Choice {
  /** The tier, and the range of its members' numbers. */
  tier: number;
  start: number;
  end: number;
  rotation: RoundRobin;
  view: EligibleMembers;
  /** Members that must not be selected. */
  out: readonly number[];
  target: { pool: string; model: string; family: string };
  session: string | undefined;
  now: number;
}

export type Strategy = (choice: Choice) => number;

/** Round robin. */
export const roundRobin: Strategy = (choice) => inTurn(choice, undefined);

/**
 * Weighted round robin. A lap has as many rounds as the highest weight; a member of weight w takes part in w of them, evenly spread. A
 * member that is unavailable for a while does not change the shares of the others.
 */
export function createWeighted(members: MemberTable): Strategy {
  return ({ tier, start, end, rotation, view, out }) => {
    const { rounds } = members;
    let round = rotation.round(tier) % rounds.length;
    let from = rotation.cursor(tier);
    for (let tried = 0; tried <= rounds.length; tried++) {
      const member = view.find(rounds[round], from, end, out);
      if (member >= 0) {
        rotation.goTo(tier, round, member);
        return member;
      }
      round = (round + 1) % rounds.length;
      from = start;
    }
    return -1;
  };
}

/** The member with the fewest requests in flight; round robin among equals. */
export function createLeastInFlight(members: MemberTable): Strategy {
  return (choice) => firstIn(choice, members.loads.sets());
}

/** The member with the most quota left, in steps of a tenth; round robin among equals. */
export function createByQuota(quotas: QuotaIndex): Strategy {
  return (choice) =>
    firstIn(choice, quotas.levels(choice.target.pool, choice.target.family, choice.now));
}

/** Maximum number of candidates that an operator's function gets. */
const CANDIDATES = 1_000;

/** The operator's own function; its faults are reported, and round robin is used instead. */
export function createOwn(
  choose: ChooseFunction,
  members: MemberTable,
  quotas: QuotaIndex,
  onFault: ((error: unknown) => void) | undefined,
): Strategy {
  return (choice) => {
    const { target, session, now } = choice;
    const eligible = eligibleOf(choice);
    const candidates = eligible.map((member): Candidate => {
      const { id, label, tier, weight } = members.credentials[member]!;
      const inFlight = members.inFlight(member);
      const remaining = quotas.get(member, target.pool, target.family, now)?.remaining;
      return { id, label, tier, weight, inFlight, remaining };
    });
    try {
      const id = choose(candidates, { model: target.model, pool: target.pool, session });
      const at = candidates.findIndex((one) => one.id === id);
      if (at >= 0) return eligible[at]!;
      if (id !== undefined) throw new RangeError("not the id of a candidate");
    } catch (error) {
      onFault?.(error);
    }
    return roundRobin(choice);
  };
}

function eligibleOf({ start, end, rotation, tier, view, out }: Choice): number[] {
  const cursor = rotation.cursor(tier);
  const found: number[] = [];
  const collect = (from: number, to: number): void => {
    let at = view.find(undefined, from, to, out);
    while (at >= 0 && found.length < CANDIDATES) {
      found.push(at);
      at = view.find(undefined, at + 1, to, out);
    }
  };
  collect(cursor, end);
  collect(start, cursor);
  return found;
}

function inTurn(
  { tier, start, end, rotation, view, out }: Choice,
  among: BitSet | undefined,
): number {
  const cursor = rotation.cursor(tier);
  const after = view.find(among, cursor, end, out);
  return after >= 0 ? after : view.find(among, start, cursor, out);
}

function firstIn(choice: Choice, sets: Iterable<BitSet>): number {
  for (const set of sets) {
    const member = inTurn(choice, set);
    if (member >= 0) return member;
  }
  // Where the sets are not maintained, none has an eligible member: plain round robin is used.
  return inTurn(choice, undefined);
}
