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

/** An intent without a token. */
export interface UnsettledIntent extends IntentRecord {
  /** True if a torn token record proves that the announced call was answered: the refresh token has been used (K17). */
  wasAnswered: boolean;
}

/** Stored access tokens. */
export interface TokenStore {
  /** Reads the highest generation from the store; `undefined` if there is none. Rejects if the store cannot be read. */
  read(credential: string): Promise<TokenRecord | undefined>;
  /** Resolves when the record is stored; rejects if it cannot be. Sealed if the relay has a `secret` (N1). */
  write(record: TokenRecord): Promise<void>;
  /** Returns the intents of a credential that have no token of their generation or a higher one, by generation. Rejects like `read`. */
  intents(credential: string): Promise<UnsettledIntent[]>;
  /** Removes intents that cannot be read, after they have been copied. */
  forgetTornIntents(credential: string): Promise<void>;
  /** Resolves when the intent is stored; rejects if it cannot be. */
  writeIntent(record: IntentRecord): Promise<void>;
  /** Removes all generations of a credential's tokens. */
  forget(credential: string): Promise<void>;
}

/** Stored attempts to create anonymous tokens. */
export interface CreationStore {
  /** Stores an attempt under its own key. Resolves when it is stored; rejects if it cannot be. */
  add(record: CreationRecord): Promise<void>;
  /**
   * Reads every attempt of a limiter from the store, those of this instance included, and removes those older than `before`. A
   * half-written one counts as made at `now`. Both are UTC epoch ms of the store's clock.
   */
  list(limiter: string, before: number, now: number): Promise<CreationRecord[]>;
}

/** State read at start, or changed by other instances since (M1). */
export interface LoadedState {
  cooldowns: CooldownRecord[];
  marks: DisableRecord[];
  /** Credentials added at run time, with `apiKey` unsealed, and tombstones of removed ones. */
  credentials: CredentialRecord[];
}

/** How instances receive each other's changes: not at all, within one process, by the store's notifications, or by reading values. */
export type SyncTier = "none" | "process" | "shared" | "best-effort";

/** What a store was seen to do with a record that was written at start (K18). */
export interface StoreProof {
  /** True if the record was read back by its name. */
  keeps: boolean;
  /** Time until it was read back, in ms; 0 if at once. While `keeps` is false, the time since it was written. */
  lag: number;
  /** True if the listing of keys contains it; `undefined` if that is unknown because the record was not read back. */
  lists: boolean | undefined;
  /** True if a lease that is held is refused; `undefined` where leases are best effort. */
  locks: boolean | undefined;
}

/** Condition of the store, for the status. */
export interface StateHealth {
  /** Name of the storage driver; `memory` if no storage is configured. */
  driver: string;
  /** True once all of its records have been read. */
  loaded: boolean;
  /** What it was seen to do at start; `undefined` before, and without a storage. */
  proven: StoreProof | undefined;
  /** Strength of its leases (M2): `atomic`, `best-effort`, or `process` if nothing is shared. */
  leases: LeaseTier;
  /** How instances receive each other's changes (M1): `shared`, `process`, `best-effort` or `none`. */
  sync: SyncTier;
  /** Maximum age of the last read of other instances' changes, in ms; `undefined` if none has been read. */
  viewAge: number | undefined;
  /** True if tokens and keys are sealed in the store (N1). */
  sealed: boolean;
  /** Number of writes that failed and will be retried. */
  pendingWrites: number;
  /** Last error of the store, without any value of a record; `undefined` after success. */
  fault: string | undefined;
  /** Keys of records that could not be parsed; the store keeps a copy of each. */
  setAside: string[];
}

/** State that outlives the process. The path of a request awaits nothing of it. */
export interface State {
  /** Reads all records once. Rejects if the store cannot be read; may be called again. */
  load(): Promise<LoadedState>;
  /** Configured credentials with a record that is listed and could not be read by the last load (K15). */
  unread(): readonly string[];
  /**
   * Calls `take` with what other instances have changed, or with all records if changes were missed. It begins with the first
   * successful load.
   */
  follow(take: (changes: LoadedState) => void | Promise<void>): void;
  /** Writes at once, merged with the stored record; failed writes are kept and retried. */
  putCooldown(record: CooldownRecord): void;
  putMark(record: DisableRecord): void;
  /** Writes a credential that was added at run time, its key sealed, or its tombstone. */
  putCredential(record: CredentialRecord): void;
  /** Reads all credentials added at run time, tombstones included, from the store. Rejects if it cannot be read. */
  listCredentials(): Promise<CredentialRecord[]>;
  readonly leases: Leases;
  readonly tokens: TokenStore;
  readonly creations: CreationStore;
  /** Counts an upstream call in memory; the counters are written at most once a second. */
  count(credential: string, failed: boolean): void;
  /** Returns the counters of a credential, of all instances; `undefined` before its first call. */
  counters(credential: string): UsageCounters | undefined;
  /** Resolves when all pending writes have succeeded, or have failed once more. */
  flush(): Promise<void>;
  /** Writes what is pending and stops. */
  close(): Promise<void>;
  health(): StateHealth;
}
