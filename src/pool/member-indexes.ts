// The members of a pool with all indexes over their numbers. A change of members creates new indexes.
import type { Random } from "../contract/clock.ts";
import type { Credential } from "../contract/credential.ts";
import type { ChosenBy } from "../contract/route-decision.ts";
import type { ChooseFunction, StrategyName } from "../contract/strategy.ts";
import type { Wanted } from "./selection.ts";
import { BitSet, nextInAll } from "../shared/bitset.ts";
import { FamilyClosures } from "./family-closures.ts";
import { MemberTable } from "./member-table.ts";
import { ModelAccess } from "./model-access.ts";
import { PreferredCredential, type PreferredOptions } from "./preferred-credential.ts";
import { QuotaIndex } from "../quota/quota-index.ts";
import { RoundRobin, RoundRobins } from "./round-robin.ts";
import { type Caller, Stickiness, type StickinessOptions } from "./stickiness.ts";
import {
  createByQuota,
  createLeastInFlight,
  createOwn,
  createWeighted,
  roundRobin,
  type Strategy,
} from "./strategies.ts";
import { EligibleMembers } from "./eligible-members.ts";

export interface MemberIndexesOptions extends StickinessOptions {
  random: Random;
  rotateEvery: number;
  strategy: StrategyName | ChooseFunction;
  preferred?: PreferredOptions | undefined;
  /** Called when an operator's strategy throws or returns a wrong value. */
  onFault?: (error: unknown) => void;
}

/** The indexes that one request uses, looked up once. */
export interface Lookup extends Caller {
  target: Wanted["target"];
  /** The family's own rotations, where a member is closed for it. */
  rotations: Map<string, RoundRobin> | undefined;
}

export interface Found {
  /** -1 where no member is eligible, or the session waits. */
  member: number;
  by: ChosenBy;
}

interface Parts {
  stickiness: Stickiness;
  rotations: RoundRobins;
  quotas: QuotaIndex;
}

export class MemberIndexes {
  readonly members: MemberTable;
  readonly families: FamilyClosures;
  readonly quotas: QuotaIndex;
  readonly stickiness: Stickiness;
  /** True where a credential serves some models only. */
  readonly hasModelRules: boolean;
  readonly #lists: ModelAccess;
  readonly #rotations: RoundRobins;
  readonly #strategy: Strategy;
  readonly #preferred: PreferredCredential | undefined;
  readonly #options: MemberIndexesOptions;

  constructor(members: MemberTable, options: MemberIndexesOptions, parts: Partial<Parts> = {}) {
    const { preferred } = options;
    this.#options = options;
    this.members = members;
    this.#lists = new ModelAccess(members.credentials);
    this.hasModelRules = this.#lists.hasRules;
    this.families = new FamilyClosures(members.size);
    this.quotas = parts.quotas ?? new QuotaIndex(members.size);
    this.stickiness = parts.stickiness ?? new Stickiness(options, members);
    this.#rotations = parts.rotations ?? new RoundRobins(() => rotationOf(members, options));
    this.#strategy = strategyOf(members, this.quotas, options);
    this.#preferred = preferred && new PreferredCredential(preferred, members);
  }

  /** Creates the indexes for other members. Members that stay keep their requests in flight, sessions, turn and known quotas. */
  replaced(credentials: readonly Credential[], now: number): MemberIndexes {
    const old = this.members;
    const members = new MemberTable(credentials);
    const numberOf = (before: number): number => members.numberOf(old.credentials[before]!.id);
    old.credentials.forEach((_, before) => {
      const after = numberOf(before);
      if (after < 0) return;
      members.enter(after, old.inFlight(before));
      if (!old.enabled.has(before)) members.setEnabled(after, false);
    });
    this.stickiness.renumber(members, numberOf);
    const options = this.#options;
    return new MemberIndexes(members, options, {
      stickiness: this.stickiness,
      quotas: this.quotas.renumbered(members.size, numberOf, now),
      rotations: this.#rotations.renewed(
        () => rotationOf(members, options),
        (rotation) => rotation.renumbered(members.tierStarts, numberOf),
      ),
    });
  }

  look({ target, session }: Pick<Wanted, "target" | "session">, now: number): Lookup {
    this.members.wake(now);
    const { pool, family, model } = target;
    const signature = this.#lists.signatureOf(model);
    const own = this.families.get(pool, family, now);
    const view = new EligibleMembers(this.members, this.#serving(signature), own?.closed);
    return { target, session, pool, signature, view, rotations: own?.rotations };
  }

  /** The rotation that a request uses. */
  rotationOf({ pool, signature, rotations }: Lookup): RoundRobin {
    return this.#rotations.of(pool, signature, rotations);
  }

  /** Finds the next member; changes nothing but the rotation's round. */
  find(lookup: Lookup, rotation: RoundRobin, out: readonly number[], now: number): Found {
    const { view, session, target } = lookup;
    const preferred = this.#preferred?.choose(view, out) ?? -1;
    if (preferred >= 0) return { member: preferred, by: "preferred" };
    const bound = this.stickiness.bound(lookup, out, now);
    if (bound >= 0) return { member: bound, by: session === undefined ? "reuse" : "session" };
    const tier = this.stickiness.held(lookup, now) >= 0 ? -1 : view.bestTier(out);
    if (tier < 0) return { member: -1, by: "strategy" };
    const { tierStarts } = this.members;
    const [start, end] = [tierStarts[tier]!, tierStarts[tier + 1]!];
    const choice = { tier, start, end, rotation, view, out, target, session, now };
    return { member: this.#strategy(choice), by: "strategy" };
  }

  /** Finds the next member and advances the rotation; -1 where there is none. */
  choose(lookup: Lookup, out: readonly number[], now: number): number {
    const rotation = this.rotationOf(lookup);
    this.#preferred?.note(lookup.view);
    const { member, by } = this.find(lookup, rotation, out, now);
    if (by === "session" || by === "reuse") this.stickiness.touch(lookup, member, now);
    if (by !== "strategy" || member < 0) return member;
    rotation.took(this.members.tierOf(member), member);
    this.stickiness.took(lookup, member, now);
    return member;
  }

  /** True when an enabled member outside `out` serves a model, closed or not. */
  hasCandidate(model: string, out: readonly number[]): boolean {
    const serving = this.#serving(this.#lists.signatureOf(model));
    return new EligibleMembers(this.members, serving, undefined).hasCandidate(out);
  }

  numbersOf(ids: readonly string[]): number[] {
    return ids.map((id) => this.members.numberOf(id));
  }

  /** The members that serve the models of a signature; only the preferred one where it is strict. */
  #serving(signature: string): BitSet | undefined {
    const serving = this.#lists.serving(signature);
    const only = this.#preferred?.only;
    if (!only || !serving) return only ?? serving;
    const both = new BitSet(this.members.size);
    const member = nextInAll([only, serving], 0);
    if (member >= 0) both.add(member);
    return both;
  }
}

function rotationOf(
  { tierStarts }: MemberTable,
  { rotateEvery, random }: MemberIndexesOptions,
): RoundRobin {
  return new RoundRobin(tierStarts, rotateEvery, random);
}

function strategyOf(
  members: MemberTable,
  quotas: QuotaIndex,
  { strategy, onFault }: MemberIndexesOptions,
): Strategy {
  if (typeof strategy === "function") return createOwn(strategy, members, quotas, onFault);
  if (strategy === "weighted") return createWeighted(members);
  if (strategy === "least-in-flight") return createLeastInFlight(members);
  return strategy === "quota" ? createByQuota(quotas) : roundRobin;
}
