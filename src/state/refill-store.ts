/** A store that has lost what it held is given back what this instance knows; until all had time for that, nothing irrevocable begins (M5, G7, H2). */
import type { StoreIdentity } from "./store/store-identity.ts";
import type { Stored } from "./records/load-records.ts";
import { isForgotten } from "./records/tombstones.ts";
import type { StateParts } from "./state-parts.ts";

/** Longer than any living instance takes to be connected again, to notice, and to write. */
export const GRACE = 4_000;

export interface Guard {
  /** Looks which store this is, after it was read: nothing is written to one that cannot be. Never rejects. */
  begin(): Promise<void>;
  /** Tells whether the store must be filled; looks where `every` ms have passed, 0: now. Rejects where it cannot look. */
  hasLost(every: number): Promise<boolean>;
  /** What was missing has been written back. */
  filled(): void;
  /** Tells whether everything that living instances know stands in the store. Never rejects: what cannot be told is not so. */
  isWhole(): Promise<boolean>;
  /** Calls `listener` where `isWhole` finds that something was lost. */
  onLost(listener: () => void): void;
}

export interface GuardOptions {
  birth: StoreIdentity;
  now(): number;
  /** How long a store that has just been named waits for the others, ms. */
  grace: number;
  report(error: unknown): void;
}

export function createGuard({ birth, now, grace, report }: GuardOptions): Guard {
  let hasBegun = false;
  let mustFill = false;
  let looking: Promise<void> | undefined;
  let tell = (): void => {};

  async function look(): Promise<void> {
    if ((await birth.look()) === "other") mustFill = true;
  }

  async function hasLost(every: number): Promise<boolean> {
    if (hasBegun && now() - birth.lookedAt() >= every)
      await (looking ??= look().finally(() => (looking = undefined)));
    return mustFill;
  }

  return {
    begin() {
      hasBegun = true;
      return hasLost(0).then(() => {}, report);
    },
    hasLost,
    filled: () => void (mustFill = false),
    async isWhole() {
      try {
        hasBegun = true;
        if (!(await hasLost(0))) return grace === 0 || (await birth.age()) >= grace;
        tell();
        return false;
      } catch (error) {
        report(error);
        return false;
      }
    },
    onLost: (listener) => void (tell = listener),
  };
}

/** Writes what others wait for with what cannot be undone. Rejects where something could not be written. */
export async function fillFirst(parts: StateParts): Promise<void> {
  // Somebody may be in the middle of a refresh: nobody else must begin one.
  await parts.leases.retake();
  await parts.creations.writeBack();
  await parts.tokens.writeBack((credential) => isForgotten(parts, { credential }));
}

/** Writes what is missing in `stored`, or worse there than what is known; what fails is tried again as any other write. */
export async function fill(parts: StateParts, stored: Stored): Promise<void> {
  const { known, expiry } = parts;
  for (const [key, record] of known.credentials.lacking(stored.credentials))
    parts.credentials.put(key, record);
  for (const [key, record] of known.marks.lacking(stored.marks))
    if (!(await isForgotten(parts, record))) parts.marks.put(key, record);
  for (const [key, record] of known.cooldowns.lacking(stored.cooldowns))
    if (!expiry.isDead(record)) parts.cooldowns.put(key, record);
  parts.counters.touchAll();
  parts.countersWriter.wake();
  await Promise.all([parts.credentials.flush(), parts.marks.flush(), parts.cooldowns.flush()]);
}
