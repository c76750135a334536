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
export interface MarkRecord {
  credential: string;
  /** `undefined` while it may be used. */
  disabled: DisabledMark | undefined;
  /** Salted hash of the secret at the time of writing: a changed secret ends an auth disable. */
  secretHash: string;
  /** Raised with each change; the higher revision wins. */
  revision: number;
  writtenAt: number;
}

export interface DisabledMark {
  cause: "auth" | "forbidden" | "operator" | "exhausted";
  /** For people: what was said, without any secret. */
  reason: string;
  /** UTC epoch ms. */
  at: number;
}

/** Bookkeeping that may be lost for a second: one record an instance. */
export interface UsageCounters {
  requests: number;
  failures: number;
  /** UTC epoch ms. */
  lastUsedAt: number;
}

/** What memory is filled with at start. */
export interface LoadedState {
  cooldowns: CooldownRecord[];
  marks: MarkRecord[];
}

/** How the store is, for the status. */
export interface StateHealth {
  /** Driver's own name, `memory` where none was configured. */
  driver: string;
  loaded: boolean;
  /** Writes that failed and are waiting to be tried again. */
  pendingWrites: number;
  /** The last fault, without any value of a record; `undefined` when all is well. */
  fault: string | undefined;
  /** Records that could not be understood and were kept aside, by key. */
  setAside: string[];
}

/** The relay's memory beyond the process. Nothing here is awaited on the hot path. */
export interface State {
  /** Reads everything once. Rejects when the store cannot be read; it may be called again. */
  load(): Promise<LoadedState>;
  /** Writes at once, merged with what the store holds; failures are kept and tried again. */
  putCooldown(record: CooldownRecord): void;
  putMark(record: MarkRecord): void;
  /** Counts in memory; written at most once a second. */
  count(credential: string, failed: boolean): void;
  counters(credential: string): UsageCounters | undefined;
  /** Resolves when everything known so far is written, or has failed once more. */
  flush(): Promise<void>;
  close(): Promise<void>;
  health(): StateHealth;
}
