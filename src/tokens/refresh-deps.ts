// What a refresh needs besides the credential's slot.
import type { Clock } from "../contract/clock.ts";
import type { Leases } from "../contract/lease.ts";
import type { TokenStore } from "../contract/state.ts";

export interface RefreshDeps {
  clock: Clock;
  fetch: typeof fetch;
  leases: Leases;
  tokens: TokenStore;
  /** True when this is the only instance, whatever the store says. */
  isOnly: boolean;
  /** True once the state has been loaded. A rotating refresh token is not used before (K15). */
  isLoaded(): boolean;
  /** True if the store returns late what was written: several instances cannot share tokens on it. */
  isLagging?(): boolean;
  /** Logs that a rotated refresh token could not be stored. */
  alarm(credential: string): void;
}

/** Time limit of one refresh, in ms (G10). */
export const REFRESH_TIMEOUT = 30_000;
