/** Detects that a store was emptied or replaced. Nothing irrevocable begins before every instance had time to write back (M5, G7, H2). */
import type { StoreIdentity } from "./store-identity.ts";

/** Longer than a running instance takes to reconnect, to detect the loss, and to write, ms. */
export const GRACE = 4_000;

export interface StoreGuard {
  /** Reads the store's identity after the first load: nothing is written to a store that cannot be read. Never rejects. */
  begin(): Promise<void>;
  /** True when the store must be refilled. Reads its identity again after `every` ms; 0: now. Rejects when it cannot be read. */
  mustRefill(every: number): Promise<boolean>;
  /** Everything that was missing has been written back. */
  markFilled(): void;
  /** True when everything that running instances know is in the store. Never rejects: an error counts as false. */
  isWhole(): Promise<boolean>;
  /** Calls `listener` when `isWhole` finds that records were lost. */
  onLost(listener: () => void): void;
}

export interface StoreGuardOptions {
  identity: StoreIdentity;
  now(): number;
  /** How long a store that was just named waits for the other instances, ms. */
  grace: number;
  report(error: unknown): void;
}

export function createStoreGuard(options: StoreGuardOptions): StoreGuard {
  const { identity, now, grace, report } = options;
  let hasBegun = false;
  let isLost = false;
  let looking: Promise<void> | undefined;
  let reportLost = (): void => {};

  async function look(): Promise<void> {
    if ((await identity.look()) === "other") isLost = true;
  }

  async function mustRefill(every: number): Promise<boolean> {
    if (hasBegun && now() - identity.lookedAt() >= every)
      await (looking ??= look().finally(() => (looking = undefined)));
    return isLost;
  }

  return {
    begin() {
      hasBegun = true;
      return mustRefill(0).then(() => {}, report);
    },
    mustRefill,
    markFilled: () => void (isLost = false),
    async isWhole() {
      try {
        hasBegun = true;
        if (!(await mustRefill(0))) return grace === 0 || (await identity.age()) >= grace;
        reportLost();
        return false;
      } catch (error) {
        report(error);
        return false;
      }
    },
    onLost: (listener) => void (reportLost = listener),
  };
}
