// All credentials of one upstream, indexed for choosing: who may carry a request now, and when the next one may.
import type { Random } from "../contract/clock.ts";
import type { Credential, Key } from "../contract/credential.ts";
import type { Target } from "../contract/target.ts";
import { ANY, closedUntil, type Cooldown, type Cooldowns } from "./cooldowns.ts";
import { Families } from "./families.ts";
import { Members } from "./members.ts";
import { ModelLists } from "./model-lists.ts";
import { Rotation, Rotations } from "./rotation.ts";
import { Sessions } from "./sessions.ts";
import { View } from "./view.ts";

export interface PoolOptions {
  cooldowns: Cooldowns;
  random: Random;
  rotateEvery: number;
  sessionTTL: number;
  sessionLimit: number;
  /** Told, with the upstream's name, when a cooldown or a disabling may have changed what can be chosen. */
  onChange?: (upstream: string) => void;
}

/** What a choice looks at. */
export interface Wanted {
  target: Pick<Target, "upstream" | "pool" | "model" | "family">;
  /** Stickiness key; `undefined` where the request has none. */
  session: string | undefined;
  /** Credentials (ids) that failed in this request already. */
  excluded: readonly string[];
}

/** Why nothing could be chosen, and when that may change. */
export interface Blocked {
  /** `empty`: nobody could ever serve it as things stand; `busy`: a cap alone holds somebody back; `trial`: another request is finding out; `cooling`: time will tell; `spent`: all were tried. */
  why: "empty" | "busy" | "trial" | "cooling" | "spent";
  /** When the first key opens, UTC epoch ms; `Infinity` where time alone opens none. */
  until: number;
  /** The key that opens first. */
  key: Key | undefined;
}

/** One request's trial of keys whose time is over. */
export interface Trial {
  keys: readonly Key[];
  /** Makes room for the next; nothing where the trial has succeeded or failed. */
  end(now: number): void;
}

/** What a request looks at, found once. */
interface Sight {
  view: View;
  signature: string;
  /** Rotations of the family's own, where something is closed for it. */
  rotations: Map<string, Rotation> | undefined;
}

/** Families that are dropped at each pruning, at most. */
const AT_ONCE = 10_000;

export class Pool {
  readonly upstream: string;
  readonly #options: PoolOptions;
  readonly #members: Members;
  readonly #lists: ModelLists;
  readonly #families: Families;
  readonly #rotations: Rotations;
  readonly #sessions: Sessions;

  constructor(upstream: string, credentials: readonly Credential[], options: PoolOptions) {
    const { cooldowns, random, rotateEvery, sessionTTL, sessionLimit } = options;
    this.upstream = upstream;
    this.#options = options;
    const members = (this.#members = new Members(credentials));
    this.#lists = new ModelLists(members.credentials);
    this.#families = new Families(members.size);
    this.#rotations = new Rotations(() => new Rotation(members.tierStarts, rotateEvery, random));
    this.#sessions = new Sessions(sessionTTL, sessionLimit);
    for (const { key } of cooldowns.all(0)) if (key.upstream === upstream) this.changed(key, 0);
  }

  /** The credentials in the order of their tiers. */
  get credentials(): readonly Credential[] {
    return this.#members.credentials;
  }

  /** How many sessions are bound, and how many families have something closed: to see that both stay bounded. */
  get sizes(): { sessions: number; families: number } {
    return { sessions: this.#sessions.size, families: this.#families.size };
  }

  /** Chooses and takes a slot in the same turn; `undefined` where nobody is eligible. Give the slot back with `release`. */
  take(wanted: Wanted, now: number): Credential | undefined {
    if (this.sharedUntil(wanted.target, now) > 0) return undefined;
    const sight = this.#look(wanted.target, now);
    const member = this.#choose(sight, wanted, now);
    return member < 0 ? undefined : this.#enter(member);
  }

  #choose(sight: Sight, { target, session, excluded }: Wanted, now: number): number {
    const out = this.#numbersOf(excluded);
    const bound = session === undefined ? -1 : this.#bound(sight, session, out, now);
    if (bound >= 0) return bound;
    const rotation = this.#rotations.of(target.pool, sight.signature, sight.rotations);
    const member = sight.view.choose(rotation, out);
    if (member < 0) return -1;
    rotation.took(this.#members.tierOf(member), member);
    if (session !== undefined) this.#bind(sight, session, member, now);
    return member;
  }

  /** Returns the member that a session has, where it is eligible, or -1. */
  #bound({ view, signature }: Sight, session: string, out: readonly number[], now: number): number {
    const keys = signature === "" ? [session] : [session, aside(session, signature)];
    for (const key of keys) {
      const member = this.#sessions.get(key, now);
      if (member < 0 || out.includes(member) || !view.isEligible(member)) continue;
      this.#sessions.bind(key, member, now);
      return member;
    }
    return -1;
  }

  // A credential that does not serve this model, is at its cap or failed once stays the session's own for what comes next.
  #bind({ view, signature }: Sight, session: string, member: number, now: number): void {
    const main = this.#sessions.get(session, now);
    const isGone = main < 0 || !this.#members.enabled.has(main);
    if (isGone || (view.serves(main) && view.untilOf(main) > 0))
      this.#sessions.bind(session, member, now);
    else if (!view.serves(main)) this.#sessions.bind(aside(session, signature), member, now);
  }

  /**
   * Takes a slot on the credential that this request has just used. Inside a cooldown only where it is the one that the
   * request met itself, known by when it opened (`met`, D7); everybody else's holds for it too.
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

  /** Tells whether `take` would find somebody. */
  hasAny({ target, excluded }: Wanted, now: number): boolean {
    if (this.sharedUntil(target, now) > 0) return false;
    return this.#look(target, now).view.hasAny(this.#numbersOf(excluded));
  }

  /** Tells whether no other credential in use serves the target's model, cooling or not. */
  isOnly(id: string, target: Wanted["target"]): boolean {
    const serving = this.#lists.serving(this.#lists.signatureOf(target.model));
    return !new View(this.#members, serving, undefined).hasCandidate(this.#numbersOf([id]));
  }

  #enter(member: number): Credential {
    this.#members.enter(member);
    return this.#members.credentials[member]!;
  }

  /** Gives a slot back. */
  release(id: string, _now: number): void {
    const member = this.#members.numberOf(id);
    if (member >= 0) this.#members.release(member);
  }

  inFlight(id: string): number {
    return this.#members.inFlight(this.#members.numberOf(id));
  }

  /** Until when a limit that all credentials share closes this target; 0 where none does. */
  sharedUntil({ pool, family }: Wanted["target"], now: number): number {
    const shared = this.#shared(pool, family, now);
    return shared ? closedUntil(shared) : 0;
  }

  #shared(pool: string, family: string, now: number): Cooldown | undefined {
    const { upstream } = this;
    return this.#options.cooldowns.sharedBy({ upstream, pool, family }, now);
  }

  /** Tells whether a credential may still be used for a target: asked again after every await (D7). */
  isOpen(id: string, target: Wanted["target"], now: number): boolean {
    const member = this.#members.numberOf(id);
    if (member < 0 || !this.#members.enabled.has(member)) return false;
    return (
      this.sharedUntil(target, now) === 0 && this.#look(target, now).view.untilOf(member) === 0
    );
  }

  /** Says why `take` found nobody, and when the first may be found. Costs no scan. */
  blocked({ target, excluded }: Wanted, now: number): Blocked {
    const { view } = this.#look(target, now);
    const out = this.#numbersOf(excluded);
    if (!view.hasCandidate([])) return { why: "empty", until: Infinity, key: undefined };
    const shared = this.#shared(target.pool, target.family, now);
    const first = view.firstOpening();
    const isReady = view.hasAny(out);
    const isBusy = view.hasBusy(out);
    const own = isReady || isBusy ? now : first.at;
    const sharedUntil = shared ? closedUntil(shared) : 0;
    if (shared && own === Infinity) return { why: "spent", until: sharedUntil, key: shared.key };
    // Behind a limit that all share, a slot that comes free is of no use.
    if (shared && sharedUntil >= own)
      return { why: this.#whyClosed(shared.key, now), until: sharedUntil, key: shared.key };
    const key = first.member < 0 ? undefined : this.#closingKey(first.member, target);
    if (isReady) return { why: "busy", until: now, key };
    if (isBusy) return { why: "busy", until: first.at, key };
    return { why: own === Infinity ? "spent" : this.#whyClosed(key, now), until: own, key };
  }

  // How long a trial takes nobody knows, and it may well succeed: that is worth waiting for (F4).
  #whyClosed(key: Key | undefined, now: number): "trial" | "cooling" {
    const trialUntil = (key && this.#options.cooldowns.get(key)?.trialUntil) ?? 0;
    return trialUntil > now ? "trial" : "cooling";
  }

  /**
   * Begins the trials that are due where a credential has just been taken (F4). Returns what ends them without a
   * result, and their keys; `undefined` where none was due.
   */
  beginTrial(id: string, target: Wanted["target"], now: number): Trial | undefined {
    const { cooldowns } = this.#options;
    const tried = cooldowns.beginTrials(id, target, now);
    if (tried.length === 0) return undefined;
    for (const { key } of tried) this.changed(key, now);
    return {
      keys: tried.map(({ key }) => key),
      end: (at) => {
        for (const it of tried) if (cooldowns.endTrial(it, at)) this.changed(it.key, at);
      },
    };
  }

  /** The level that keeps a member closed longest. */
  #closingKey(member: number, { pool, family }: Wanted["target"]): Key {
    const credential = this.#members.credentials[member]!.id;
    const own = this.#families.until(pool, family, member);
    const isWide = this.#members.closed.until(member) > own;
    const { upstream } = this;
    return isWide
      ? { credential, upstream, pool: ANY, family: ANY }
      : { credential, upstream, pool, family };
  }

  /** A cooldown of this upstream has changed. */
  changed(key: Key, now: number): void {
    const member = this.#members.numberOf(key.credential);
    if (member >= 0) this.#close(member, key, now);
    this.#options.onChange?.(this.upstream);
  }

  #close(member: number, { credential, pool, family }: Key, now: number): void {
    const until = this.#options.cooldowns.until(credential, pool, family, now);
    if (family === ANY) this.#members.close(member, until);
    else this.#families.set(pool, family, member, until, now);
  }

  setDisabled(id: string, disabled: boolean, _now: number): void {
    const member = this.#members.numberOf(id);
    if (member < 0) return;
    this.#members.setEnabled(member, !disabled);
    this.#options.onChange?.(this.upstream);
  }

  isDisabled(id: string): boolean {
    const member = this.#members.numberOf(id);
    return member >= 0 && !this.#members.enabled.has(member);
  }

  /** Drops families in which nothing is closed any more. */
  prune(now: number): void {
    this.#families.prune(now, AT_ONCE);
  }

  #look({ pool, family, model }: Wanted["target"], now: number): Sight {
    this.#members.wake(now);
    const signature = this.#lists.signatureOf(model);
    const own = this.#families.get(pool, family, now);
    const view = new View(this.#members, this.#lists.serving(signature), own?.closed);
    return { view, signature, rotations: own?.rotations };
  }

  #numbersOf(ids: readonly string[]): number[] {
    return ids.map((id) => this.#members.numberOf(id));
  }
}

/** Where a session keeps a second credential, for models that its own does not serve. */
function aside(session: string, signature: string): string {
  return `${session}\n${signature}`;
}
