// Quotas of which so little is left that it is kept back (A9): for that family on that credential, until it recovers.
import type { Key } from "../contract/credential.ts";
import { endOf, type QuotaReading } from "./quota-index.ts";

/** Tells whether so much of a model's quota is too little to be used. */
export type IsProtected = (model: string, remaining: number) => boolean;

interface Reserve {
  key: Key;
  until: number;
}

export class ProtectedQuota {
  readonly #isProtected: IsProtected | undefined;
  readonly #reserves = new Map<string, Reserve>();

  constructor(isProtected: IsProtected | undefined) {
    this.#isProtected = isProtected;
  }

  /** Takes in what was learnt of a key. True where that changes what is kept back. */
  learnt(key: Key, model: string, reading: QuotaReading): boolean {
    if (!this.#isProtected) return false;
    const name = nameOf(key);
    if (!this.#isProtected(model, reading.remaining)) return this.#reserves.delete(name);
    this.#reserves.set(name, { key, until: endOf(reading) });
    return true;
  }

  /** Until when a key is kept back; 0 where it is not. */
  until(key: Key, now: number): number {
    if (this.#reserves.size === 0) return 0;
    const until = this.#reserves.get(nameOf(key))?.until ?? 0;
    return until > now ? until : 0;
  }

  /** Keys that are kept back. */
  *keys(): Iterable<Key> {
    for (const { key } of this.#reserves.values()) yield key;
  }

  prune(now: number): void {
    for (const [name, { until }] of this.#reserves) if (until <= now) this.#reserves.delete(name);
  }
}

// An id may hold anything, so it stands last.
function nameOf({ credential, pool, family }: Key): string {
  return `${pool}\n${family}\n${credential}`;
}
