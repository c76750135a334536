import type { Leases, LeaseTier } from "./lease.ts";
import type { Key } from "./credential.ts";
import type { Reason } from "./verdict.ts";

/** A cooldown as it is remembered. Merges by the later `until` within one epoch; a higher epoch replaces. */
export interface CooldownRecord {
  key: Key;
  reason: Reason;
  /** Closed until then, UTC epoch ms. A value in the past keeps the ladder's count alive. */
  until: number;
  /** When this was written, UTC epoch ms of the writer: a reader locks at most `until - writtenAt` from first sight. */
  writtenAt: number;
  /** Raised by a deliberate clearing, which must win over a later `until`. */
  epoch: number;
  /** Incidents so far on the ladder of this key. */
  incidents: number;
  /** True where the upstream stated the wait, false where the ladder chose it. */
  stated: boolean;
}

/** What is known for good about a credential, apart from its secrets. */
export interface DisableRecord {
  credential: string;
  /** `undefined` while it may be used. */
  disabled: DisabledMark | undefined;
  /** Salted hash of the secret at the time of writing: a changed secret ends an auth disable. */
  secretHash: string;
  /** Raised with each change; the higher revision wins. */
  revision: number;
  writtenAt: number;
}

/** Why a credential is out of use. */
export type DisabledCause = "auth" | "forbidden" | "operator" | "exhausted" | "relogin";

export interface DisabledMark {
  cause: DisabledCause;
  /** For people: what was said, without any secret. */
  reason: string;
  /** UTC epoch ms. */
  at: number;
}

/** One generation of a credential's token. Append-only: readers take the highest generation, older ones are removed later (G7). */
export interface TokenRecord {
  credential: string;
  /** The generation of the lease it was made under. */
  generation: number;
  accessToken: string;
  /** UTC epoch ms; `undefined` where nobody could tell (G1). */
  expiresAt: number | undefined;
  /** When the token was asked for, UTC epoch ms: what a tenth of its life is counted from (G2). */
  issuedAt: number;
  /** The refresh token to use next; `undefined` for sources without one. */
  refreshToken: string | undefined;
  /** Salted hash of the configured refresh token this line of tokens began with: a new one configured begins anew. */
  originHash: string;
  /**
   * How far the token server's clock is ahead of ours, ms (G3); `undefined` where nobody could tell. Read from a store without a
   * clock of its own it is measured by the writer's, which is ours but where the two are set differently.
   */
  skew?: number | undefined;
  /** How many have died in sending its refresh token: whether it has been used nobody knows (M4). */
  unsure?: number | undefined;
  writtenAt: number;
}

/**
 * Says that a rotating refresh token is about to be sent, before it is: whoever finds one without a token of its
 * generation knows that its holder died between the provider's answer and the write (M4).
 */
export interface IntentRecord {
  credential: string;
  generation: number;
  /** Salted hash of the refresh token that was sent. */
  tokenHash: string;
  writtenAt: number;
}

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

/** One attempt to create an anonymous token, counted before it is made and whatever comes of it (H2). */
export interface CreationRecord {
  /** Which limiter counts it. */
  limiter: string;
  /** Unique: instance and a number. */
  id: string;
  /** By the store's clock (`Leases.time`), UTC epoch ms. */
  at: number;
  /** When its call was over, by the same clock; added again under the same id then. */
  endedAt: number | undefined;
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

/** A credential made at run time: by an operator, or by acquiring an anonymous token. Deleted by a tombstone (K6). */
export interface CredentialRecord {
  id: string;
  /** `undefined` is a tombstone: it stays removed, whatever another instance still writes. */
  credential:
    | {
        label: string;
        upstream: string;
        tier: number;
        weight: number;
        allow: readonly string[] | undefined;
        deny: readonly string[] | undefined;
        maxInFlight: number | undefined;
        /** `"operator"`, or the id of the acquirer that made it. */
        origin: string;
        /** Static key; its tokens, if it has any, are token records. Sealed like them. */
        apiKey: string | undefined;
        /** UTC epoch ms. */
        createdAt: number;
      }
    | undefined;
  /** Raised with each change; the higher revision wins, but never over a tombstone. */
  revision: number;
  writtenAt: number;
}

/** Bookkeeping that may be lost for a second: one record an instance. */
export interface UsageCounters {
  requests: number;
  failures: number;
  /** UTC epoch ms. */
  lastUsedAt: number;
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
