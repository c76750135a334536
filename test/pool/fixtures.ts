/** Credentials, cooldowns and pools, each created in one line. */
import type { Credential, Key } from "../../src/contract/credential.ts";
import type { Reason } from "../../src/contract/verdict.ts";
import type { Cooldown } from "../../src/cooldowns/cooldown-table.ts";
import { Cooldowns } from "../../src/cooldowns/cooldowns.ts";
import { Pool, type PoolOptions } from "../../src/pool/pool.ts";
import type { Wanted } from "../../src/pool/selection.ts";

export const NOW: number = Date.UTC(2026, 0, 1);
export const MINUTE = 60_000;
export const HOUR = 3_600_000;

/** Waits of the default quota backoff, in ms. */
export const LADDER = (incidents: number): number =>
  [60_000, 300_000, 1_800_000, 7_200_000][Math.min(incidents, 4) - 1] ?? 60_000;

export function credential(id: string, more: Partial<Credential> = {}): Credential {
  return {
    id,
    label: id,
    upstream: "up",
    tier: 1,
    weight: 1,
    allow: undefined,
    deny: undefined,
    maxInFlight: Infinity,
    ...more,
  };
}

export function credentials(count: number, more: Partial<Credential> = {}): Credential[] {
  return Array.from({ length: count }, (_, at) => credential(`c${at + 1}`, more));
}

export function targetOf(model: string, pool = "main"): Wanted["target"] {
  return { upstream: "up", pool, model, family: model };
}

export function wanted(model = "m", more: Partial<Wanted> = {}): Wanted {
  return { target: targetOf(model), session: undefined, excluded: [], ...more };
}

/** A key at one of the four levels: own model, whole credential, the upstream's model, whole upstream. */
export function key(credential: string, family = "m", pool = "main"): Key {
  return { credential, upstream: "up", pool: family === "*" ? "*" : pool, family };
}

export interface Bench {
  pool: Pool;
  cooldowns: Cooldowns;
  /** Closes a key for `wait` ms, as a refusal with a stated wait does. */
  close(
    key: Key,
    wait: number,
    now: number,
    more?: { reason?: Reason; sentAt?: number },
  ): Cooldown | undefined;
  open(key: Key, now: number): void;
  /** Takes a slot and gives it back at once; returns the id. */
  pick(now: number, wanted?: Wanted): string | undefined;
}

export function createBench(
  members: readonly Credential[],
  options: Partial<PoolOptions> = {},
): Bench {
  const cooldowns = options.cooldowns ?? new Cooldowns();
  const pool = new Pool("up", members, {
    random: () => 0,
    rotateEvery: 1,
    sessionTTL: HOUR,
    sessionLimit: 1_000,
    strategy: "round-robin" as const,
    reuseWindow: false as const,
    cacheWait: false as const,
    ...options,
    cooldowns,
  });
  return {
    pool,
    cooldowns,
    close(key, wait, now, { reason = "RATE_LIMIT_EXCEEDED", sentAt = now } = {}) {
      const opened = cooldowns.refuse({ key, reason, hint: wait, ladder: LADDER, sentAt }, now);
      if (opened) pool.changed(key, now);
      return opened;
    },
    open(key, now) {
      cooldowns.clear(key, now);
      pool.changed(key, now);
    },
    pick(now, what = wanted()) {
      const chosen = pool.take(what, now);
      if (chosen) pool.release(chosen.id);
      return chosen?.id;
    },
  };
}
