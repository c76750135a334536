// Explains a selection (J4): the order of preference, and why the other members are skipped. Examines members one by one.
import type { RouteCandidate, RouteDecision, Skipped } from "../contract/route-decision.ts";
import type { Found, MemberIndexes, Lookup } from "./member-indexes.ts";

/** A reason in the pool's own terms: `until` is UTC epoch ms. */
export interface PassedOver extends Omit<Skipped, "expiresAt"> {
  until?: number;
}

/** A candidate in the pool's own terms: its tier is a number. */
export interface Seen extends Omit<RouteCandidate, "tier" | "skipped"> {
  tier: number;
  skipped: PassedOver | undefined;
}

export interface Explained extends Pick<RouteDecision, "left" | "chosen"> {
  candidates: Seen[];
}

/** Returns why an enabled member that serves the model is closed until a point in time (UTC epoch ms). */
export type WhyClosed = (member: number, until: number) => PassedOver;

/** Explains a selection, up to `most` candidates of each kind. Changes nothing. */
export function explainChoice(
  indexes: MemberIndexes,
  lookup: Lookup,
  out: readonly number[],
  { now, most, whyClosed }: { now: number; most: number; whyClosed: WhyClosed },
): Explained {
  const { members } = indexes;
  const ranked = rank(indexes, lookup, out, now, most);
  const isRanked = new Set(ranked.map(({ member }) => member));
  const candidates = ranked.map(({ member }) => seen(indexes, member, undefined));
  for (let member = 0; member < members.size && candidates.length < ranked.length + most; member++)
    if (!isRanked.has(member))
      candidates.push(seen(indexes, member, whyNot(indexes, lookup, out, member, now, whyClosed)));
  const [first] = ranked;
  return {
    candidates,
    left: members.size - candidates.length,
    chosen: first && { credential: members.credentials[first.member]!.id, by: first.by },
  };
}

/** Members in order of preference: each is the selection if those before it had failed. */
function rank(
  indexes: MemberIndexes,
  lookup: Lookup,
  out: readonly number[],
  now: number,
  most: number,
): Found[] {
  const rotation = indexes.rotationOf(lookup).copy();
  const ranked: Found[] = [];
  const taken = [...out];
  while (ranked.length < most) {
    const found = indexes.find(lookup, rotation, taken, now);
    if (found.member < 0) break;
    ranked.push(found);
    taken.push(found.member);
  }
  return ranked;
}

function seen({ members }: MemberIndexes, member: number, skipped: PassedOver | undefined): Seen {
  const { id, tier } = members.credentials[member]!;
  return { credential: id, tier, inFlight: members.inFlight(member), skipped };
}

function whyNot(
  { members }: MemberIndexes,
  { view }: Lookup,
  out: readonly number[],
  member: number,
  now: number,
  whyClosed: WhyClosed,
): PassedOver | undefined {
  if (!members.enabled.has(member)) return { why: "disabled" };
  if (!view.serves(member)) return { why: "model" };
  const until = view.untilOf(member);
  if (until > now) return whyClosed(member, until);
  if (out.includes(member)) return { why: "excluded" };
  return members.isAtCap(member) ? { why: "busy" } : undefined;
}
