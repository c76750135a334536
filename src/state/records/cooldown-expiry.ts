/** Removes cooldowns that no longer count, so that memory and store stay bounded. */
import type { CancelTimer, Clock } from "../../contract/clock.ts";
import type { CooldownRecord } from "../../contract/records.ts";

export interface Expiry {
  /** Schedules the removal of the record at `key`. */
  track(key: string, record: CooldownRecord): void;
  /** True when the record no longer counts. */
  isExpired(record: CooldownRecord): boolean;
  stop(): void;
}

/**
 * Calls `remove` for each record whose cooldown ended more than `keptFor` ms ago, at the latest `keptFor` ms after that
 * moment.
 */
export function createExpiry(clock: Clock, keptFor: number, remove: (key: string) => void): Expiry {
  const expiresAt = new Map<string, number>();
  let cancel: CancelTimer | undefined;
  let stopped = false;

  function track(key: string, record: CooldownRecord): void {
    if (stopped) return;
    expiresAt.set(key, Math.max(expiresAt.get(key) ?? 0, record.until + keptFor));
    cancel ??= clock.after(keptFor, sweep);
  }

  function sweep(): void {
    cancel = undefined;
    const now = clock.now();
    for (const [key, at] of expiresAt) {
      if (at >= now) continue;
      expiresAt.delete(key);
      remove(key);
    }
    if (expiresAt.size > 0) cancel = clock.after(keptFor, sweep);
  }

  function stop(): void {
    stopped = true;
    cancel?.();
    expiresAt.clear();
  }

  return { track, stop, isExpired: ({ until }) => until + keptFor < clock.now() };
}
