// What acquirers need of the other rooms.
import type { Clock } from "../contract/clock.ts";
import type { TokenSource } from "../contract/auth.ts";
import type { Leases } from "../contract/lease.ts";
import type {
  CreationStore,
  CredentialRecord,
  State,
  TokenRecord,
  TokenStore,
} from "../contract/state.ts";
import type { Hooks } from "../hooks.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { Cooldowns } from "../pool/cooldowns.ts";
import type { Health } from "../pool/health.ts";
import type { Pool } from "../pool/pool.ts";
import type { WaitingRoom } from "../waiting.ts";

/** Credentials made at run time, as the store has them. */
export interface CredentialStore {
  /** Writes at once, merged with what the store holds; failures are kept and tried again. */
  put(record: CredentialRecord): void;
  /** Every record, tombstones included, read from the store itself. Rejects when it cannot be read. */
  list(): Promise<CredentialRecord[]>;
}

/** Presents the tokens of credentials that come and go. */
export interface TokenKeeper {
  /** Takes a credential in; without a record its token is read from the store when it is first needed. */
  join(credential: string, source: TokenSource, record: TokenRecord | undefined): void;
  leave(credential: string): void;
}

export interface AcquireRooms {
  pools: ReadonlyMap<string, Pool>;
  cooldowns: Cooldowns;
  health: Health;
  state: Pick<State, "putCooldown" | "counters">;
  hooks: Hooks;
  reporter: Reporter;
  clock: Clock;
  waiting: Pick<WaitingRoom, "wakeAll">;
  fetch: typeof globalThis.fetch;
  leases: Leases;
  creations: CreationStore;
  credentials: CredentialStore;
  tokenStore: Pick<TokenStore, "write" | "forget">;
  keeper: TokenKeeper;
  /** This instance is declared the only creator. */
  isOnly: boolean;
  /** Whether attempts are counted for all instances on the store (H2). */
  isSafe(): boolean;
  /** What is told where they are not. */
  unsafe: string;
  /** Whether the state has been loaded (K15). */
  isLoaded(): boolean;
}
