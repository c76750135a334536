// What acquirers need of the other rooms.
import type { Clock } from "../contract/clock.ts";
import type { TokenSource } from "../contract/token-source.ts";
import type { TokenRecord } from "../contract/records.ts";
import type { State } from "../contract/state.ts";
import type { Hooks } from "../observe/hooks.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { Cooldowns } from "../cooldowns/cooldowns.ts";
import type { DisabledCredentials } from "../cooldowns/disabled-credentials.ts";
import type { Pool } from "../pool/pool.ts";
import type { RequestQueue } from "../policies/request-queue.ts";

/** Presents the tokens of credentials that come and go. */
export interface TokenKeeper {
  /** Takes a credential in, with the newest token known. */
  join(credential: string, source: TokenSource, record: TokenRecord): void;
  leave(credential: string): void;
}

export interface AcquirerDeps {
  pools: ReadonlyMap<string, Pool>;
  cooldowns: Cooldowns;
  health: DisabledCredentials;
  state: Pick<
    State,
    | "putCooldown"
    | "putCredential"
    | "listCredentials"
    | "flush"
    | "counters"
    | "leases"
    | "creations"
    | "tokens"
  >;
  hooks: Hooks;
  reporter: Reporter;
  clock: Clock;
  waiting: Pick<RequestQueue, "wakeAll">;
  fetch: typeof globalThis.fetch;
  keeper: TokenKeeper;
  /** This instance is declared the only creator. */
  isOnly: boolean;
  /** Whether attempts are counted for all instances on the store (H2). */
  isSafe(): boolean;
  /** Whether the state has been loaded (K15). */
  isLoaded(): boolean;
}
