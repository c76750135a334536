// Cooldowns that a used-up quota has opened end early where the API itself says that the quota is full again (A16).
import type { Clock } from "../contract/clock.ts";
import type { Key } from "../contract/credential.ts";
import type { Reporter } from "../observe/reporter.ts";
import { ANY } from "../shared/patterns.ts";
import type { Cooldowns } from "./cooldowns.ts";

/** A quota that is full again. */
export interface Refill {
  /** When its source was asked, UTC epoch ms: a refusal after this still holds. */
  askedAt: number;
  /** True for a family of models whose quota is full; `"*"` is every model. */
  isFull(family: string): boolean;
}

interface Deps {
  cooldowns: Cooldowns;
  clock: Clock;
  reporter: Pick<Reporter, "info">;
  /** Opens a key. */
  clear(key: Key): void;
}

/** Opens the keys that credentials (by id) of an upstream had closed for a used-up quota. */
export function openRefilled(
  { cooldowns, clock, reporter, clear }: Deps,
  upstream: string,
  full: ReadonlyMap<string, Refill>,
): void {
  const ended = [...cooldowns.all(clock.now())].filter(({ key, reason, openedAt }) => {
    const refill = key.upstream === upstream ? full.get(key.credential) : undefined;
    const isOlder = refill !== undefined && openedAt < refill.askedAt;
    return reason === "QUOTA_EXHAUSTED" && isOlder && refill.isFull(key.family);
  });
  for (const { key } of ended) {
    clear(key);
    const model = key.family === ANY ? "" : ` for ${key.family}`;
    reporter.info(
      `credential ${key.credential}${model} may be used again: its quota is full (\`upstream.quota\`)`,
    );
  }
}
