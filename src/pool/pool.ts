// All credentials of one upstream, indexed for choosing: who may carry a request now, and when the next one may.
import type { Random } from "../contract/clock.ts";
import type { Credential, Key } from "../contract/credential.ts";
import type { Target } from "../contract/target.ts";
import { compilePattern } from "../patterns.ts";
import { ANY, type Cooldowns } from "./cooldowns.ts";
import { Lane, type LaneMembers } from "./lane.ts";
import { Sessions } from "./sessions.ts";

export interface PoolOptions {
  cooldowns: Cooldowns;
  random: Random;
  rotateEvery: number;
  sessionTTL: number;
  sessionLimit: number;
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
  /** `empty`: nobody could ever serve it as things stand; `busy`: all are at their cap; `cooling`: time will tell; `spent`: all were tried. */
  why: "empty" | "busy" | "cooling" | "spent";
  /** When the first key opens, UTC epoch ms; `Infinity` where time alone opens none. */
  until: number;
  /** The key that opens first. */
  key: Key | undefined;
}

const SIGNATURES = 1_000;

export class Pool {
  readonly upstream: string;
  readonly credentials: readonly Credential[];
  readonly #options: PoolOptions;
  readonly #memberOf: Map<string, number>;
  readonly #tierStarts: number[];
  readonly #disabled = new Set<number>();
  readonly #inFlight: Uint32Array;
  readonly #sessions: Sessions;
  readonly #lanes = new Map<string, { lane: Lane; pool: string; family: string }>();
  readonly #rules: { serves: (model: string) => boolean; members: Set<number> }[];
  readonly #signatures = new Map<string, string>();

  constructor(upstream: string, credentials: readonly Credential[], options: PoolOptions) {
    this.upstream = upstream;
    // Sorting is stable: inside a tier the order is the configured one.
    this.credentials = credentials.toSorted((a, b) => a.tier - b.tier);
    this.#options = options;
    this.#memberOf = new Map(this.credentials.map(({ id }, member) => [id, member]));
    this.#tierStarts = startsOf(this.credentials);
    this.#inFlight = new Uint32Array(this.credentials.length);
    this.#sessions = new Sessions(options.sessionTTL, options.sessionLimit);
    this.#rules = toRules(this.credentials);
  }

  /** Chooses and takes a slot in the same turn; `undefined` where nobody is eligible. Give the slot back with `release`. */
  take(wanted: Wanted, now: number): Credential | undefined {
    const { target, session } = wanted;
    if (this.sharedUntil(target, now) > 0) return undefined;
    const lane = this.#laneFor(target, now);
    const member = this.#choose(lane, wanted, now);
    if (member < 0) return undefined;
    if (session !== undefined) this.#sessions.bind(session, member, now);
    this.#enter(member, now);
    return this.credentials[member];
  }

  #choose(lane: Lane, { session, excluded }: Wanted, now: number): number {
    const out = excluded.map((id) => this.#memberOf.get(id) ?? -1);
    if (session !== undefined) {
      const bound = this.#sessions.get(session, now);
      if (bound >= 0 && !out.includes(bound) && lane.has(bound, now)) return bound;
    }
    const member = lane.next(now, out);
    if (member >= 0) lane.took(member, this.#options.rotateEvery);
    return member;
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
    const member = this.#memberOf.get(id) ?? -1;
    if (member < 0 || this.#disabled.has(member)) return undefined;
    if (this.#inFlight[member]! >= this.credentials[member]!.maxInFlight) return undefined;
    const { cooldowns } = this.#options;
    if (cooldowns.closing(id, target, now).some(({ openedAt }) => openedAt !== met))
      return undefined;
    this.#enter(member, now);
    return this.credentials[member];
  }

  /** Tells whether `take` would find somebody. */
  hasAny(wanted: Wanted, now: number): boolean {
    if (this.sharedUntil(wanted.target, now) > 0) return false;
    const out = wanted.excluded.map((id) => this.#memberOf.get(id) ?? -1);
    return this.#laneFor(wanted.target, now).next(now, out) >= 0;
  }

  /** Tells whether no other credential in use serves the target's model, cooling or not. */
  isOnly(id: string, { model }: Wanted["target"]): boolean {
    return !this.credentials.some(
      (other, member) =>
        other.id !== id && !this.#disabled.has(member) && this.#serves(member, model),
    );
  }

  #enter(member: number, now: number): void {
    const inFlight = ++this.#inFlight[member]!;
    if (inFlight === this.credentials[member]!.maxInFlight) this.#refresh(member, now);
  }

  release(id: string, now: number): void {
    const member = this.#memberOf.get(id)!;
    const inFlight = this.#inFlight[member]!--;
    if (inFlight === this.credentials[member]!.maxInFlight) this.#refresh(member, now);
  }

  inFlight(id: string): number {
    return this.#inFlight[this.#memberOf.get(id)!]!;
  }

  /** Until when a limit that all credentials share closes this target; 0 where none does. */
  sharedUntil({ pool, family }: Wanted["target"], now: number): number {
    const { cooldowns } = this.#options;
    const all = `${ANY}\n${this.upstream}`;
    return Math.max(cooldowns.until(all, pool, family, now), cooldowns.until(all, ANY, ANY, now));
  }

  /** Tells whether a credential may still be used for a target: asked again after every await (D7). */
  isOpen(id: string, target: Wanted["target"], now: number): boolean {
    const member = this.#memberOf.get(id) ?? -1;
    if (member < 0 || this.#disabled.has(member) || this.sharedUntil(target, now) > 0) return false;
    return this.#cooldownOf(member, target.pool, target.family, now) === 0;
  }

  /** Says why `take` found nobody. */
  blocked({ target, excluded }: Wanted, now: number): Blocked {
    const { pool, family } = target;
    const shared = this.sharedUntil(target, now);
    if (shared > 0)
      return {
        why: "cooling",
        until: shared,
        key: { credential: ANY, upstream: this.upstream, pool, family },
      };
    const candidates = this.credentials.filter(
      (_, member) => !this.#disabled.has(member) && this.#serves(member, target.model),
    );
    if (candidates.length === 0) return { why: "empty", until: Infinity, key: undefined };
    const { at, soonest } = this.#laneFor(target, now).nextOpening(now);
    if (soonest >= 0)
      return { why: "cooling", until: at, key: this.#closingKey(soonest, pool, family, now) };
    const isSpent = candidates.every(({ id }) => excluded.includes(id));
    return { why: isSpent ? "spent" : "busy", until: Infinity, key: undefined };
  }

  #closingKey(member: number, pool: string, family: string, now: number): Key {
    const { id } = this.credentials[member]!;
    const isWide = this.#options.cooldowns.until(id, ANY, ANY, now) > 0;
    return {
      credential: id,
      upstream: this.upstream,
      pool: isWide ? ANY : pool,
      family: isWide ? ANY : family,
    };
  }

  /** A cooldown of this upstream has changed: the lanes it concerns look again. */
  changed(key: Key, now: number): void {
    const member = this.#memberOf.get(key.credential) ?? -1;
    if (member < 0) return;
    for (const { lane, pool, family } of this.#lanes.values()) {
      if (key.family === ANY || (key.pool === pool && key.family === family))
        lane.refresh(member, now);
    }
  }

  setDisabled(id: string, disabled: boolean, now: number): void {
    const member = this.#memberOf.get(id);
    if (member === undefined) return;
    if (disabled) this.#disabled.add(member);
    else this.#disabled.delete(member);
    this.#refresh(member, now);
  }

  isDisabled(id: string): boolean {
    return this.#disabled.has(this.#memberOf.get(id) ?? -1);
  }

  /** Drops lanes whose cooldowns have long ended. */
  prune(): void {
    for (const [key, { pool, family }] of this.#lanes) {
      if (family !== ANY && !this.#options.cooldowns.hasFamily(pool, family))
        this.#lanes.delete(key);
    }
  }

  #refresh(member: number, now: number): void {
    for (const { lane } of this.#lanes.values()) lane.refresh(member, now);
  }

  // A family without any cooldown shares one lane with all others: model names come from outside and have no end.
  #laneFor({ pool, family, model }: Wanted["target"], now: number): Lane {
    const signature = this.#signatureOf(model);
    const own = this.#lanes.get(`${pool}\n${family}\n${signature}`);
    if (own) return own.lane;
    const shared = this.#lane(pool, ANY, signature, model, now);
    if (!this.#options.cooldowns.hasFamily(pool, family)) return shared;
    return this.#lane(pool, family, signature, model, now, shared);
  }

  #lane(
    pool: string,
    family: string,
    signature: string,
    model: string,
    now: number,
    like?: Lane,
  ): Lane {
    const key = `${pool}\n${family}\n${signature}`;
    const known = this.#lanes.get(key);
    if (known) return known.lane;
    const members: LaneMembers = {
      tierStarts: this.#tierStarts,
      opensAt: (member, at) => {
        const { maxInFlight } = this.credentials[member]!;
        if (
          this.#disabled.has(member) ||
          this.#inFlight[member]! >= maxInFlight ||
          !this.#serves(member, model)
        )
          return Infinity;
        return this.#cooldownOf(member, pool, family, at);
      },
    };
    const lane = new Lane(members, this.#options.random, now, like);
    this.#lanes.set(key, { lane, pool, family });
    return lane;
  }

  #cooldownOf(member: number, pool: string, family: string, now: number): number {
    const { cooldowns } = this.#options;
    const { id } = this.credentials[member]!;
    return Math.max(
      cooldowns.until(id, ANY, ANY, now),
      family === ANY ? 0 : cooldowns.until(id, pool, family, now),
    );
  }

  #serves(member: number, model: string): boolean {
    return this.#rules.every(({ members, serves }) => !members.has(member) || serves(model));
  }

  /** Tells models apart by which lists they pass, so that lanes are as few as the lists and not as many as the models. */
  #signatureOf(model: string): string {
    if (this.#rules.length === 0) return "";
    const known = this.#signatures.get(model);
    if (known !== undefined) return known;
    const signature = this.#rules.map(({ serves }) => (serves(model) ? "1" : "0")).join("");
    if (this.#signatures.size >= SIGNATURES) this.#signatures.clear();
    this.#signatures.set(model, signature);
    return signature;
  }
}

function startsOf(credentials: readonly Credential[]): number[] {
  const starts = credentials.flatMap(({ tier }, member) =>
    member === 0 || credentials[member - 1]!.tier !== tier ? [member] : [],
  );
  return [...starts, credentials.length];
}

/** Groups credentials by their model lists; those without any stand in no group. */
function toRules(
  credentials: readonly Credential[],
): { serves: (model: string) => boolean; members: Set<number> }[] {
  const rules = new Map<string, { serves: (model: string) => boolean; members: Set<number> }>();
  credentials.forEach(({ allow, deny }, member) => {
    if (!allow && !deny) return;
    const key = JSON.stringify([allow, deny]);
    let rule = rules.get(key);
    if (!rule) rules.set(key, (rule = { serves: toTest(allow, deny), members: new Set() }));
    rule.members.add(member);
  });
  return [...rules.values()];
}

function toTest(
  allow: readonly string[] | undefined,
  deny: readonly string[] | undefined,
): (model: string) => boolean {
  const allowed = allow?.map(compilePattern);
  const denied = deny?.map(compilePattern) ?? [];
  return (model) =>
    !denied.some((matches) => matches(model)) &&
    (allowed?.some((matches) => matches(model)) ?? true);
}
