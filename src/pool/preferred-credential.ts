// One credential is preferred to all others while it may be used (A8); with `strict`, no other is used.
import { BitSet } from "../shared/bitset.ts";
import type { MemberTable } from "./member-table.ts";
import type { EligibleMembers } from "./eligible-members.ts";

export interface PreferredOptions {
  id: string;
  strict: boolean;
  /** Called when it can no longer be used, and when it can be used again. */
  onChange?: ((isUsed: boolean) => void) | undefined;
}

export class PreferredCredential {
  readonly #options: PreferredOptions;
  readonly #members: MemberTable;
  readonly #member: number;
  /** A set of the preferred member only; `undefined` where it is not strict. */
  readonly only: BitSet | undefined;
  #isUsed = true;

  constructor(options: PreferredOptions, members: MemberTable) {
    this.#options = options;
    this.#members = members;
    this.#member = members.numberOf(options.id);
    if (!options.strict) return;
    this.only = new BitSet(members.size);
    if (this.#member >= 0) this.only.add(this.#member);
  }

  /** Returns its number where it is eligible, or -1. */
  choose(view: EligibleMembers, out: readonly number[]): number {
    const member = this.#member;
    if (member < 0 || !view.serves(member)) return -1;
    return view.isEligible(member) && !out.includes(member) ? member : -1;
  }

  /** Checks its availability for a request. Each change is reported once, not once per request. */
  note(view: EligibleMembers): void {
    const member = this.#member;
    if (member < 0 || !view.serves(member)) return;
    const isUsed = this.#members.enabled.has(member) && view.untilOf(member) === 0;
    if (isUsed === this.#isUsed) return;
    this.#isUsed = isUsed;
    this.#options.onChange?.(isUsed);
  }
}
