import type { Leases, LeaseTier } from "./lease.ts";
import type {
  CooldownRecord,
  CreationRecord,
  CredentialRecord,
  DisableRecord,
  IntentRecord,
  TokenRecord,
  UsageCounters,
} from "./records.ts";

export interface TokenStore {
  /** Reads the highest generation from the store itself; `undefined` where there is none. Rejects when the store cannot be read. */
  read(credential: string): Promise<TokenRecord | undefined>;
  /** Resolves when it is stored; rejects when it is not. Sealed where the relay has a `secret` (N1). */
  write(record: TokenRecord): Promise<void>;
  /** Intents of a credential without a token of their generation or a higher one, by generation. Rejects like `read`. */
  intents(credential: string): Promise<IntentRecord[]>;
  writeIntent(record: IntentRecord): Promise<void>;
  /** Removes every generation of a credential's tokens. */
  forget(credential: string): Promise<void>;
}

export interface CreationStore {
  /** Stores an attempt under a key of its own and resolves when it is there. Rejects when it is not. */
  add(record: CreationRecord): Promise<void>;
  /**
   * Every attempt of a limiter, this instance's own included, read from the store itself; those older than `before` are
   * removed on the way. One that was cut off in mid-write counts from `now` on. Times are by the store's clock.
   */
  list(limiter: string, before: number, now: number): Promise<CreationRecord[]>;
}

/** What memory is filled with at start, and what others have changed since (M1). */
export interface LoadedState {
  cooldowns: CooldownRecord[];
  marks: DisableRecord[];
  /** Those made at run time, and the tombstones of those removed; `apiKey` opened. */
  credentials: CredentialRecord[];
}

/** How instances hear of each other: not at all, inside one process, by the store's own means, or by reading each other's values. */
export type SyncTier = "none" | "process" | "shared" | "best-effort";

/** How the store is, for the status. */
export interface StateHealth {
  /** The driver's own name; `memory` where none was configured. */
  driver: string;
  /** True once everything in it was read. */
  loaded: boolean;
  /** How sure a lease on it is (M2): `atomic`, `best-effort`, or `process` where nothing is shared. */
  leases: LeaseTier;
  /** How other instances hear of our changes and we of theirs (M1): `shared`, `process`, `best-effort` or `none`. */
  sync: SyncTier;
  /** Age of our view of the others' changes at most, ms; `undefined` where none was ever read. */
  viewAge: number | undefined;
  /** True where tokens and keys are sealed at rest (N1). */
  sealed: boolean;
  /** Number of writes that failed and are tried again. */
  pendingWrites: number;
  /** The last fault, without any value of a record; `undefined` when all is well. */
  fault: string | undefined;
  /** Keys of records that could not be understood and were kept aside. */
  setAside: string[];
}

/** The relay's memory beyond the process. Nothing here is awaited on the hot path. */
export interface State {
  /** Reads everything once. Rejects when the store cannot be read; it may be called again. */
  load(): Promise<LoadedState>;
  /**
   * Hears from now on what others have changed, and everything again where something was missed. Listening begins with the
   * first load that succeeds.
   */
  follow(take: (changes: LoadedState) => void | Promise<void>): void;
  /** Writes at once, merged with what the store holds; failures are kept and tried again. */
  putCooldown(record: CooldownRecord): void;
  putMark(record: DisableRecord): void;
  /** Writes a credential made at run time, its key sealed, or its tombstone. */
  putCredential(record: CredentialRecord): void;
  /** Every credential made at run time, tombstones included, read from the store itself. Rejects when it cannot be read. */
  listCredentials(): Promise<CredentialRecord[]>;
  readonly leases: Leases;
  readonly tokens: TokenStore;
  readonly creations: CreationStore;
  /** Counts in memory; written at most once a second. */
  count(credential: string, failed: boolean): void;
  counters(credential: string): UsageCounters | undefined;
  /** Resolves when everything known so far is written, or has failed once more. */
  flush(): Promise<void>;
  close(): Promise<void>;
  health(): StateHealth;
}
