// What is kept beyond the process, record by record.
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

export interface DisabledMark {
  cause: DisabledCause;
  /** For people: what was said, without any secret. */
  reason: string;
  /** UTC epoch ms. */
  at: number;
}

/** Why a credential is out of use. */
export type DisabledCause = "auth" | "forbidden" | "operator" | "exhausted" | "relogin";

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
