// The records that outlive the process.
import type { Key } from "./credential.ts";
import type { Reason } from "./verdict.ts";

/** A stored cooldown. Within one epoch the later `until` wins; a higher epoch replaces a lower one. */
export interface CooldownRecord {
  key: Key;
  reason: Reason;
  /** End of the cooldown, UTC epoch ms. After it the record still keeps the count of the ladder. */
  until: number;
  /** Time of writing, UTC epoch ms of the writer: a reader keeps the cooldown for at most `until - writtenAt` after it first reads it. */
  writtenAt: number;
  /** Number that each deliberate clearing increments, so that a clearing wins over a later `until`. */
  epoch: number;
  /** Number of incidents on the ladder of this key. */
  incidents: number;
  /** True if the upstream stated the wait, false if the ladder chose it. */
  stated: boolean;
}

/** Whether a credential is disabled; without its secrets. */
export interface DisableRecord {
  credential: string;
  /** Why it is disabled; `undefined` while it is enabled. */
  disabled: DisabledMark | undefined;
  /** Salted hash of the secret at the time of writing: a changed secret enables a credential that was disabled because of its key. */
  secretHash: string;
  /** Number that each change increments; the higher revision wins. */
  revision: number;
  /** Time of writing, UTC epoch ms of the writer. */
  writtenAt: number;
}

/** Why and since when a credential is disabled. */
export interface DisabledMark {
  cause: DisabledCause;
  /** Message for the status and the log, without any secret. */
  reason: string;
  /** Time of disabling, UTC epoch ms. */
  at: number;
}

/** Why a credential is disabled. */
export type DisabledCause = "auth" | "forbidden" | "operator" | "exhausted" | "relogin";

/** One generation of a credential's token. Append-only: readers take the highest generation, older ones are removed later (G7). */
export interface TokenRecord {
  credential: string;
  /** Generation number of the lease under which the token was created. */
  generation: number;
  accessToken: string;
  /** Expiry, UTC epoch ms; `undefined` if unknown (G1). */
  expiresAt: number | undefined;
  /** Time of the request for the token, UTC epoch ms: its lifetime begins then (G2). */
  issuedAt: number;
  /** Refresh token to use next; `undefined` for sources without one. */
  refreshToken: string | undefined;
  /** Salted hash of the configured refresh token from which this token descends: after a new one is configured it is no longer used. */
  originHash: string;
  /**
   * How far the token server's clock is ahead of this process's, in ms (G3); `undefined` if unknown. In a store without a clock it
   * is relative to the writer's clock.
   */
  skew?: number | undefined;
  /** Number of instances that stopped while they sent its refresh token, so that it is unknown whether it was used. */
  unsure?: number | undefined;
  /** Time of writing, UTC epoch ms of the writer. */
  writtenAt: number;
}

/**
 * Written before a rotating refresh token is sent. An intent without a token of its generation means that its writer stopped between
 * the provider's answer and the write of the token.
 */
export interface IntentRecord {
  credential: string;
  /** Generation number of the lease under which the refresh token is sent. */
  generation: number;
  /** Salted hash of the refresh token. */
  tokenHash: string;
  /** Time of writing, UTC epoch ms of the writer. */
  writtenAt: number;
}

/** One attempt to create an anonymous token; written before the attempt and counted whatever its result (H2). */
export interface CreationRecord {
  /** Name of the limiter that counts it. */
  limiter: string;
  /** Unique id: instance and a number. */
  id: string;
  /** Start of the attempt, UTC epoch ms of the store's clock (`Leases.time`). */
  at: number;
  /** End of its call, UTC epoch ms of the same clock; the record is then written again under the same id. */
  endedAt: number | undefined;
}

/** A credential added at run time by an operator, or an acquired anonymous token. A tombstone deletes it (K6). */
export interface CredentialRecord {
  id: string;
  /** `undefined` is a tombstone: the credential stays removed even if another instance still writes it. */
  credential:
    | {
        label: string;
        upstream: string;
        /** Priority; a lower number is used first. */
        tier: number;
        /** Share of the requests, from 1 to 100. */
        weight: number;
        allow: readonly string[] | undefined;
        deny: readonly string[] | undefined;
        /** Maximum number of concurrent requests. */
        maxInFlight: number | undefined;
        /** `"operator"`, or the id of the acquirer that created it. */
        origin: string;
        /** Static key, sealed like tokens; access tokens are token records. */
        apiKey: string | undefined;
        /** Time of creation, UTC epoch ms. */
        createdAt: number;
      }
    | undefined;
  /** Number that each change increments; the higher revision wins, but never over a tombstone. */
  revision: number;
  /** Time of writing, UTC epoch ms of the writer. */
  writtenAt: number;
}

/** Counters of a credential, one record for each instance; written at most once a second. */
export interface UsageCounters {
  /** Number of upstream calls. */
  requests: number;
  /** Number of those that failed. */
  failures: number;
  /** End of the last call, UTC epoch ms. */
  lastUsedAt: number;
}
