// The credential that served a caller last: sessions (A6), the reuse window (A7), and waiting for the same credential (A5).
import type { MemberTable } from "./member-table.ts";
import { SessionTable } from "./session-table.ts";
import type { EligibleMembers } from "./eligible-members.ts";

export interface StickinessOptions {
  sessionTTL: number;
  sessionLimit: number;
  /** Calls without a session that are less than this apart use the same credential, in ms; `false`: off. */
  reuseWindow: number | false;
  /** How long a session waits for its own credential, in ms; `false`: it switches at once. */
  cacheWait: number | false;
}

/** The fields of a request that identify its caller. */
export interface Caller {
  session: string | undefined;
  view: EligibleMembers;
  /** Identifies the set of members that serve the model. */
  signature: string;
  /** Quota pool. */
  pool: string;
}

export class Stickiness {
  readonly #options: StickinessOptions;
  readonly #sessions: SessionTable;
  /** Last used member and time (UTC epoch ms), by quota pool and signature. Both come from the configuration, so the number is bounded. */
  readonly #last = new Map<string, { member: number; at: number }>();
  #members: MemberTable;

  constructor(options: StickinessOptions, members: MemberTable) {
    this.#options = options;
    this.#members = members;
    this.#sessions = new SessionTable(options.sessionTTL, options.sessionLimit);
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Returns the member that a caller is bound to, where it is eligible, or -1. */
  bound(caller: Caller, out: readonly number[], now: number): number {
    const { session, view } = caller;
    if (session === undefined) return this.#reused(caller, out, now);
    for (const key of keysOf(session, caller.signature)) {
      const member = this.#sessions.get(key, now);
      if (member >= 0 && !out.includes(member) && view.isEligible(member)) return member;
    }
    return -1;
  }

  /** Records that the bound member serves the caller again. */
  touch({ session, signature, pool }: Caller, member: number, now: number): void {
    if (session === undefined)
      return void this.#last.set(`${pool}\n${signature}`, { member, at: now });
    const key = keysOf(session, signature).find((one) => this.#sessions.get(one, now) === member);
    if (key !== undefined) this.#sessions.bind(key, member, now);
  }

  /** Returns the member that a session waits for because it opens soon; -1 where there is none. */
  held({ session, signature, view }: Caller, now: number): number {
    const { cacheWait } = this.#options;
    if (cacheWait === false || session === undefined) return -1;
    for (const key of keysOf(session, signature)) {
      const member = this.#sessions.get(key, now);
      if (member < 0 || !this.#members.enabled.has(member) || !view.serves(member)) continue;
      const until = view.untilOf(member);
      return until > now && until - now <= cacheWait ? member : -1;
    }
    return -1;
  }

  /** Records the member that serves a caller now. */
  took(caller: Caller, member: number, now: number): void {
    const { session, signature, pool } = caller;
    if (session !== undefined) this.#bind(session, caller, member, now);
    else if (this.#options.reuseWindow !== false)
      this.#last.set(`${pool}\n${signature}`, { member, at: now });
  }

  /** Renumbers the members; -1 for a removed one. */
  renumber(members: MemberTable, numberOf: (member: number) => number): void {
    this.#members = members;
    this.#sessions.renumber(numberOf);
    // Signatures depend on the lists of all members.
    this.#last.clear();
  }

  #reused({ pool, signature, view }: Caller, out: readonly number[], now: number): number {
    const { reuseWindow } = this.#options;
    if (reuseWindow === false) return -1;
    const last = this.#last.get(`${pool}\n${signature}`);
    if (!last || now - last.at >= reuseWindow) return -1;
    return out.includes(last.member) || !view.isEligible(last.member) ? -1 : last.member;
  }

  // A credential that does not serve this model, is at its concurrency limit or failed once remains bound to the session.
  #bind(session: string, { view, signature }: Caller, member: number, now: number): void {
    const main = this.#sessions.get(session, now);
    const isGone = main < 0 || !this.#members.enabled.has(main);
    if (isGone || (view.serves(main) && view.untilOf(main) > 0))
      this.#sessions.bind(session, member, now);
    else if (!view.serves(main)) this.#sessions.bind(secondKey(session, signature), member, now);
  }
}

function keysOf(session: string, signature: string): string[] {
  return signature === "" ? [session] : [session, secondKey(session, signature)];
}

/** Key under which a session keeps a second credential, for models that its own credential does not serve. */
function secondKey(session: string, signature: string): string {
  return `${session}\n${signature}`;
}
