// All credentials of one upstream, indexed for selection: which one may serve a request now, and when the next one may.
import type { Credential, Key } from "../contract/credential.ts";
import type { Cooldowns } from "../cooldowns/cooldowns.ts";
import { type Cooldown, closedUntil } from "../cooldowns/cooldown-table.ts";
import { ANY } from "../shared/patterns.ts";
import { type Explained, explainChoice, type PassedOver } from "./explain-choice.ts";
import { MemberTable } from "./member-table.ts";
import { endOf, type QuotaReading } from "../quota/quota-index.ts";
import { type IsProtected, ProtectedQuota } from "../quota/protected-quota.ts";
import { MemberIndexes, type MemberIndexesOptions } from "./member-indexes.ts";
import { PacedProbe } from "./paced-probe.ts";
import type { Blocked, Probe, Wanted } from "./selection.ts";

export interface PoolOptions extends MemberIndexesOptions {
  cooldowns: Cooldowns;
  isProtected?: IsProtected | undefined;
  /**
   * Called with the upstream's name when a change of cooldowns or disabled credentials may have changed the selection. `places`: number
   * of requests that a key admits which was closed before; `undefined` if it is not limited.
   */
  onChange?: (upstream: string, places?: number) => void;
}

/** Maximum number of families dropped in one pruning. */
const AT_ONCE = 10_000;

export class Pool {
  readonly upstream: string;
  readonly #options: PoolOptions;
  readonly #protected: ProtectedQuota;
  #indexes: MemberIndexes;

  constructor(upstream: string, credentials: readonly Credential[], options: PoolOptions) {
    this.upstream = upstream;
    this.#options = options;
    this.#protected = new ProtectedQuota(options.isProtected);
    this.#indexes = new MemberIndexes(new MemberTable(credentials), options);
    this.#closeKnown(0);
  }

  /** True where a credential serves some models only. */
  get hasModelRules(): boolean {
    return this.#indexes.hasModelRules;
  }

  get #members(): MemberTable {
    return this.#indexes.members;
  }

  #closeKnown(now: number): void {
    const { cooldowns } = this.#options;
    for (const key of [...cooldowns.closed(now), ...this.#protected.keys()]) {
      const member = key.upstream === this.upstream ? this.#members.numberOf(key.credential) : -1;
      if (member >= 0) this.#close(member, key, now);
    }
  }

  /** The credentials in the order of their tiers. */
  get credentials(): readonly Credential[] {
    return this.#members.credentials;
  }

  has(id: string): boolean {
    return this.#members.numberOf(id) >= 0;
  }

  /** Adds credentials; one with a known id replaces it. Cooldowns and requests in flight are kept (K8). */
  add(credentials: readonly Credential[], now: number): void {
    const ids = new Set(credentials.map(({ id }) => id));
    const others = this.credentials.filter(({ id }) => !ids.has(id));
    this.#replace([...others, ...credentials], now);
  }

  /** Removes credentials. Their requests in flight continue to their end. */
  remove(ids: readonly string[], now: number): void {
    const leaving = new Set(ids);
    this.#replace(
      this.credentials.filter(({ id }) => !leaving.has(id)),
      now,
    );
  }

  // A change of members changes the numbers of all. It is done in one pass over all members, never once per member.
  #replace(credentials: readonly Credential[], now: number): void {
    this.#indexes = this.#indexes.replaced(credentials, now);
    this.#closeKnown(now);
    this.#options.onChange?.(this.upstream);
  }

  /** Number of bound sessions, and of families with a closed member, to verify that both stay bounded. */
  get sizes(): { sessions: number; families: number } {
    return { sessions: this.#indexes.stickiness.size, families: this.#indexes.families.size };
  }

  /** Selects a credential and takes a slot in the same turn; `undefined` where none is eligible. Give the slot back with `release`. */
  take(wanted: Wanted, now: number): Credential | undefined {
    if (this.sharedUntil(wanted.target, now) > 0) return undefined;
    const indexes = this.#indexes;
    const lookup = indexes.look(wanted, now);
    const member = indexes.choose(lookup, indexes.numbersOf(wanted.excluded), now);
    return member < 0 ? undefined : this.#enter(member);
  }

  /** Explains the selection: the order of preference, and why the others are skipped (J4), up to `most` of each. Too slow for requests. */
  explain(wanted: Wanted, now: number, most: number): Explained {
    const indexes = this.#indexes;
    const whyClosed = (member: number, until: number): PassedOver =>
      this.#skipped(this.#closingKey(member, wanted.target), until, now);
    const out = indexes.numbersOf(wanted.excluded);
    return explainChoice(indexes, indexes.look(wanted, now), out, { now, most, whyClosed });
  }

  #skipped(key: Key, until: number, now: number): PassedOver {
    const why = this.#whyClosed(key, now);
    const scope = key.family === ANY ? "credential" : "model";
    const known = why === "protected" ? undefined : this.#options.cooldowns.get(key);
    return { why, until, scope, ...(known && { reason: known.reason }) };
  }

  /**
   * Takes a slot on the credential that this request has just used. During a cooldown this is allowed only where the request caused the
   * cooldown itself, identified by its opening time (`met`, D7); a cooldown caused by other requests applies.
   */
  retake(
    id: string,
    target: Wanted["target"],
    met: number | undefined,
    now: number,
  ): Credential | undefined {
    const member = this.#members.numberOf(id);
    if (member < 0 || !this.#members.enabled.has(member) || this.#members.isAtCap(member))
      return undefined;
    const closing = this.#options.cooldowns.closing(id, target, now);
    return closing.some(({ openedAt }) => openedAt !== met) ? undefined : this.#enter(member);
  }

  /** True when `take` would find a credential. */
  hasAny(wanted: Wanted, now: number): boolean {
    if (this.sharedUntil(wanted.target, now) > 0) return false;
    const indexes = this.#indexes;
    return indexes.look(wanted, now).view.hasAny(indexes.numbersOf(wanted.excluded));
  }

  /** The best tier with an eligible member; `Infinity` where there is none. */
  bestTier(target: Wanted["target"], now: number): number {
    if (this.sharedUntil(target, now) > 0) return Infinity;
    const { view } = this.#indexes.look({ target, session: undefined }, now);
    const tier = view.hasAny([]) ? view.bestTier([]) : -1;
    return tier < 0 ? Infinity : this.credentials[this.#members.tierStarts[tier]!]!.tier;
  }

  /** True when no other enabled credential serves the target's model, cooling down or not. */
  isOnly(id: string, target: Wanted["target"]): boolean {
    return !this.#indexes.hasCandidate(target.model, this.#indexes.numbersOf([id]));
  }

  #enter(member: number): Credential {
    this.#members.enter(member);
    return this.#members.credentials[member]!;
  }

  /** Gives a slot back. */
  release(id: string): void {
    const member = this.#members.numberOf(id);
    if (member >= 0) this.#members.release(member);
  }

  inFlight(id: string): number {
    return this.#members.inFlight(this.#members.numberOf(id));
  }

  /** Until when a limit that all credentials share closes this target (UTC epoch ms); 0 where none does. */
  sharedUntil({ pool, family }: Wanted["target"], now: number): number {
    const shared = this.#shared(pool, family, now);
    return shared ? closedUntil(shared) : 0;
  }

  #shared(pool: string, family: string, now: number): Cooldown | undefined {
    const { upstream } = this;
    return this.#options.cooldowns.sharedBy({ upstream, pool, family }, now);
  }

  /** True when a credential may still be used for a target; checked again after every await (D7). */
  isOpen(id: string, target: Wanted["target"], now: number): boolean {
    const member = this.#members.numberOf(id);
    if (member < 0 || !this.#members.enabled.has(member)) return false;
    if (this.sharedUntil(target, now) > 0) return false;
    return this.#indexes.look({ target, session: undefined }, now).view.untilOf(member) === 0;
  }

  /** Returns why `take` found no credential, and when the first may become available. Needs no scan. */
  blocked(wanted: Wanted, now: number): Blocked {
    const { target, excluded } = wanted;
    const indexes = this.#indexes;
    const lookup = indexes.look(wanted, now);
    const { view } = lookup;
    const out = indexes.numbersOf(excluded);
    const held = indexes.stickiness.held(lookup, now);
    if (held >= 0)
      return { why: "held", until: view.untilOf(held), key: this.#closingKey(held, target) };
    if (!view.hasCandidate([])) return { why: "empty", until: Infinity, key: undefined };
    const shared = this.#shared(target.pool, target.family, now);
    const first = view.firstOpening();
    const isReady = view.hasAny(out);
    const isBusy = view.hasBusy(out);
    const own = isReady || isBusy ? now : first.at;
    const sharedUntil = shared ? closedUntil(shared) : 0;
    if (shared && own === Infinity) return { why: "spent", until: sharedUntil, key: shared.key };
    // Behind a limit that all credentials share, a free slot does not help.
    if (shared && sharedUntil >= own)
      return { why: this.#whyClosed(shared.key, now), until: sharedUntil, key: shared.key };
    const key = first.member < 0 ? undefined : this.#closingKey(first.member, target);
    if (isReady) return { why: "busy", until: now, key };
    if (isBusy) return { why: "busy", until: first.at, key };
    return { why: own === Infinity ? "spent" : this.#whyClosed(key, now), until: own, key };
  }

  // The duration of a probe is not known and it may succeed, so waiting for it is worthwhile (F4).
  #whyClosed(key: Key | undefined, now: number): "trial" | "cooling" | "protected" {
    const known = key && this.#options.cooldowns.get(key);
    if (known && known.probeUntil > now) return "trial";
    return known && closedUntil(known) > now ? "cooling" : "protected";
  }

  /**
   * Takes the places that a credential, which has just been taken, needs in the paced return of its keys (F4, F8); `undefined` where no
   * cooldown has ended recently. No request is woken: the keys can only close.
   */
  beginProbe(id: string, target: Wanted["target"], now: number): Probe | undefined {
    const { cooldowns } = this.#options;
    const admissions = cooldowns.beginProbes(id, target, now);
    if (admissions.length === 0) return undefined;
    for (const { key } of admissions) this.#closeKey(key, now);
    return new PacedProbe(cooldowns, admissions, this);
  }

  /** The level that keeps a member closed longest. */
  #closingKey(member: number, { pool, family }: Wanted["target"]): Key {
    const credential = this.#members.credentials[member]!.id;
    const own = this.#indexes.families.until(pool, family, member);
    const isWide = this.#members.closed.until(member) > own;
    const { upstream } = this;
    return isWide
      ? { credential, upstream, pool: ANY, family: ANY }
      : { credential, upstream, pool, family };
  }

  /** Applies a change of this upstream's cooldowns. */
  changed(key: Key, now: number): void {
    this.#closeKey(key, now);
    this.#options.onChange?.(this.upstream);
  }

  /** Applies that a key admits `places` further requests (F8). */
  admits(key: Key, places: number, now: number): void {
    this.#closeKey(key, now);
    this.#options.onChange?.(this.upstream, places);
  }

  #closeKey(key: Key, now: number): void {
    const member = this.#members.numberOf(key.credential);
    if (member >= 0) this.#close(member, key, now);
  }

  #close(member: number, key: Key, now: number): void {
    const { credential, pool, family } = key;
    const cooling = this.#options.cooldowns.until(credential, pool, family, now);
    const until = Math.max(cooling, this.#protected.until(key, now));
    if (family === ANY) this.#members.close(member, until);
    else this.#indexes.families.set(pool, family, member, until, now);
  }

  /** Sets the remaining quota of a credential for one model, or, with the family `*`, for everything (A9). */
  setQuota(
    id: string,
    of: { pool: string; family: string; model: string },
    reading: QuotaReading,
    now: number,
  ): void {
    const member = this.#members.numberOf(id);
    if (member < 0 || endOf(reading) <= now) return;
    const { pool, family, model } = of;
    this.#indexes.quotas.set(member, pool, family, reading, now);
    const key = { credential: id, upstream: this.upstream, pool, family };
    if (this.#protected.learnt(key, model, reading)) this.changed(key, now);
  }

  setDisabled(id: string, disabled: boolean): void {
    const member = this.#members.numberOf(id);
    if (member < 0) return;
    this.#members.setEnabled(member, !disabled);
    this.#options.onChange?.(this.upstream);
  }

  /** Drops families in which nothing is closed any more. */
  prune(now: number): void {
    this.#indexes.families.prune(now, AT_ONCE);
    this.#protected.prune(now);
  }
}
