// What acquirers use of other folders.
import type { Clock } from "../contract/clock.ts";
import type { TokenRecord } from "../contract/records.ts";
import type { State, TokenStore } from "../contract/state.ts";
import type { TokenSource } from "../contract/token-source.ts";
import type { Cooldowns } from "../cooldowns/cooldowns.ts";
import type { DisabledCredentials } from "../cooldowns/disabled-credentials.ts";
import type { Hooks } from "../observe/hooks.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { RequestQueue } from "../policies/request-queue.ts";
import type { Pool } from "../pool/pool.ts";

/** Provides the tokens of credentials that join and leave at run time. */
export interface TokenKeeper {
  /** Adds a credential with its newest token. */
  join(credential: string, source: TokenSource, record: TokenRecord): void;
  leave(credential: string): void;
}

export type AcquirerPool = Pick<
  Pool,
  "add" | "remove" | "has" | "setDisabled" | "sharedUntil" | "bestTier"
>;

export interface AcquirerDeps {
  pools: ReadonlyMap<string, AcquirerPool>;
  cooldowns: Pick<Cooldowns, "get" | "until" | "refuse" | "succeed">;
  health: Pick<DisabledCredentials, "get" | "disable" | "forget">;
  state: AcquirerState;
  hooks: Pick<Hooks, "emit" | "has">;
  reporter: Pick<Reporter, "info" | "warn" | "error">;
  clock: Clock;
  waiting: Pick<RequestQueue, "wakeAll">;
  fetch: typeof globalThis.fetch;
  keeper: TokenKeeper;
  /** This instance is declared the only one that creates. */
  isOnly: boolean;
  /** True when attempts are counted for all instances on the store (H2). */
  isSafe(): boolean;
  /** True when the state has been loaded (K15). */
  isLoaded(): boolean;
}

interface AcquirerState extends Pick<
  State,
  | "putCooldown"
  | "putCredential"
  | "listCredentials"
  | "flush"
  | "counters"
  | "leases"
  | "creations"
> {
  tokens: Pick<TokenStore, "read" | "write" | "forget">;
}
