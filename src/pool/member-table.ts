// The credentials by number, best tier first, and the current state of each: enabled, at its concurrency limit, closed for everything.
import type { Credential } from "../contract/credential.ts";
import { BitSet } from "../shared/bitset.ts";
import { ClosedSet } from "./closed-set.ts";
import { InFlightIndex } from "./in-flight-index.ts";

export class MemberTable {
  readonly credentials: readonly Credential[];
  /** Number of the first member of each tier, followed by the number of all members. */
  readonly tierStarts: readonly number[];
  /** Cooldowns of whole credentials. */
  readonly closed: ClosedSet;
  /** Members that are not disabled … */
  readonly enabled: BitSet;
  /** … and neither closed nor at their concurrency limit. */
  readonly usable: BitSet;
  /** Members that are neither disabled nor closed: only the concurrency limit holds them back. */
  readonly busy: BitSet;
  readonly #tierOf: Uint32Array;
  readonly #numberOf: ReadonlyMap<string, number>;
  readonly #inFlight: Uint32Array;
  #loads: InFlightIndex | undefined;
  #rounds: BitSet[] | undefined;

  constructor(credentials: readonly Credential[]) {
    // Sorting is stable: inside a tier the configured order is kept.
    this.credentials = credentials.toSorted((a, b) => a.tier - b.tier);
    const size = credentials.length;
    this.tierStarts = startsOf(this.credentials);
    this.closed = new ClosedSet(size);
    this.enabled = BitSet.full(size);
    this.usable = BitSet.full(size);
    this.busy = new BitSet(size);
    this.#tierOf = tiersOf(this.tierStarts);
    this.#numberOf = numbersOf(this.credentials);
    this.#inFlight = new Uint32Array(size);
  }

  get size(): number {
    return this.credentials.length;
  }

  /** Returns a credential's number; -1 where it is not a member. */
  numberOf(id: string): number {
    return this.#numberOf.get(id) ?? -1;
  }

  tierOf(member: number): number {
    return this.#tierOf[member]!;
  }

  inFlight(member: number): number {
    return this.#inFlight[member] ?? 0;
  }

  isAtCap(member: number): boolean {
    return this.#inFlight[member]! >= this.credentials[member]!.maxInFlight;
  }

  /** Members by requests in flight. Maintained from the first use on. */
  get loads(): InFlightIndex {
    if (!this.#loads) {
      this.#loads = new InFlightIndex(this.size);
      this.#inFlight.forEach((count, member) => this.#loads!.move(member, 0, count));
    }
    return this.#loads;
  }

  /** The rounds of a lap, as many as the highest weight: the members that take part in each. */
  get rounds(): readonly BitSet[] {
    return (this.#rounds ??= roundsOf(this.credentials));
  }

  enter(member: number, count: number = 1): void {
    const before = this.#inFlight[member]!;
    this.#inFlight[member] = before + count;
    this.#loads?.move(member, before, before + count);
    if (this.isAtCap(member)) this.#look(member);
  }

  release(member: number): void {
    if (this.inFlight(member) === 0) return;
    const wasAtCap = this.isAtCap(member);
    const before = this.#inFlight[member]!--;
    this.#loads?.move(member, before, before - 1);
    if (wasAtCap) this.#look(member);
  }

  setEnabled(member: number, isEnabled: boolean): void {
    this.enabled.put(member, isEnabled);
    this.#look(member);
  }

  /** Closes a member for everything until `until` (UTC epoch ms); 0 opens it. */
  close(member: number, until: number): void {
    this.closed.set(member, until);
    this.#look(member);
  }

  /** Opens the members whose time has passed. */
  wake(now: number): void {
    this.closed.wake(now, (member) => this.#look(member));
  }

  #look(member: number): void {
    const isAwake = this.enabled.has(member) && !this.closed.has(member);
    const isAtCap = this.isAtCap(member);
    this.usable.put(member, isAwake && !isAtCap);
    this.busy.put(member, isAwake && isAtCap);
  }
}

function roundsOf(credentials: readonly Credential[]): BitSet[] {
  const most = credentials.reduce((max, { weight }) => Math.max(max, weight), 1);
  const rounds = Array.from({ length: most }, () => new BitSet(credentials.length));
  credentials.forEach(({ weight }, member) => {
    for (let nth = 1; nth <= weight; nth++)
      rounds[Math.ceil((nth * most) / weight) - 1]!.add(member);
  });
  return rounds;
}

function numbersOf(credentials: readonly Credential[]): Map<string, number> {
  const numbers = new Map<string, number>();
  credentials.forEach(({ id }, member) => numbers.set(id, member));
  return numbers;
}

function startsOf(credentials: readonly Credential[]): number[] {
  const starts: number[] = [];
  credentials.forEach(({ tier }, member) => {
    if (member === 0 || credentials[member - 1]!.tier !== tier) starts.push(member);
  });
  return [...starts, credentials.length];
}

function tiersOf(starts: readonly number[]): Uint32Array {
  const tiers = new Uint32Array(starts.at(-1)!);
  starts.slice(0, -1).forEach((start, tier) => tiers.fill(tier, start, starts[tier + 1]));
  return tiers;
}
