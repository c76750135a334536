// Quota protection (A9): a credential with a low remaining quota for a family is not used for it until the quota recovers.
import type { Key } from "../contract/credential.ts";
import { endOf, type QuotaReading } from "./quota-index.ts";

/** True when the remaining share of a model's quota, 0 to 1, is too low to be used. */
export type IsProtected = (model: string, remaining: number) => boolean;

interface Protection {
  key: Key;
  /** UTC epoch ms. */
  until: number;
}

export class ProtectedQuota {
  readonly #isProtected: IsProtected | undefined;
  readonly #protected = new Map<string, Protection>();

  constructor(isProtected: IsProtected | undefined) {
    this.#isProtected = isProtected;
  }

  /** Applies a reading. True when it changes which keys are protected. */
  learnt(key: Key, model: string, reading: QuotaReading): boolean {
    if (!this.#isProtected) return false;
    const name = nameOf(key);
    if (!this.#isProtected(model, reading.remaining)) return this.#protected.delete(name);
    this.#protected.set(name, { key, until: endOf(reading) });
    return true;
  }

  /** Until when a key is protected, UTC epoch ms; 0 when it is not. */
  until(key: Key, now: number): number {
    if (this.#protected.size === 0) return 0;
    const until = this.#protected.get(nameOf(key))?.until ?? 0;
    return until > now ? until : 0;
  }

  /** Keys that are protected. */
  *keys(): Iterable<Key> {
    for (const { key } of this.#protected.values()) yield key;
  }

  prune(now: number): void {
    for (const [name, { until }] of this.#protected) if (until <= now) this.#protected.delete(name);
  }
}

// A credential id may contain any character, so it comes last.
function nameOf({ credential, pool, family }: Key): string {
  return `${pool}\n${family}\n${credential}`;
}
