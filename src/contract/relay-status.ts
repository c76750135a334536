// The result of `relay.status()`. Points in time are ISO UTC strings, durations ms, `retryAfter` seconds. docs/observing.md lists the same.
import type { DisabledCause } from "./records.ts";
import type { StateHealth } from "./state.ts";
import type { Reason } from "./verdict.ts";

/** Current state of the relay, read from the tables that select credentials. Contains no secret. */
export interface RelayStatus {
  /** Time of the status, ISO UTC. */
  at: string;
  /** All credentials: the configured ones in their order, then those added or acquired at run time. */
  credentials: CredentialStatus[];
  /** Cooldowns in effect. */
  cooldowns: CooldownStatus[];
  /** Open circuits: endpoints that get no requests after consecutive failures. */
  circuits: CircuitStatus[];
  /** Sources of anonymous tokens. */
  acquirers: AcquirerStatus[];
  /** Numbers of requests in progress. */
  requests: RequestCounts;
  /** Condition of the store. */
  store: StateHealth;
}

/** One credential. */
export interface CredentialStatus {
  /** Its id. */
  id: string;
  /** Its display name; the id if none is configured. */
  label: string;
  /** Name of its upstream. */
  upstream: string;
  /** Its priority: a name out of `tiers` if that is configured, otherwise a number; lower is used first. */
  tier: number | string;
  /** Number of its requests in progress. */
  inFlight: number;
  /** Why it is disabled; `undefined` while it is enabled. */
  disabled: CredentialDisabled | undefined;
  /** URL at which its owner must confirm their identity, as the upstream states; `undefined` if nothing is to be confirmed. */
  verification: string | undefined;
  /** Its upstream calls so far, of all instances on the store; `undefined` before the first. */
  counters: CredentialCounters | undefined;
  /** Its access token; `undefined` for a static key. */
  token: CredentialToken | undefined;
}

/** Why a credential is disabled. */
export interface CredentialDisabled {
  /**
   * `auth`: its key was refused; `forbidden`: its account was refused; `operator`: disabled by an operator; `exhausted`: its
   * anonymous token is used up; `relogin`: its grant has expired or was revoked.
   */
  cause: DisabledCause;
  /** Message of the upstream or the operator. */
  reason: string;
  /** Time of disabling, ISO UTC. */
  at: string;
}

/** Upstream calls of one credential. */
export interface CredentialCounters {
  /** Number of upstream calls. */
  requests: number;
  /** Number of those that failed. */
  failures: number;
  /** End of the last one, ISO UTC. */
  lastUsedAt: string;
}

/** Facts about an access token; never a part of it. */
export interface CredentialToken {
  /** Kind of its source: `oauth`, `firebase`, `service-account`, `function`, … */
  kind: string;
  /** Expiry, ISO UTC; `undefined` if there is no token, or its expiry is unknown. */
  expiresAt: string | undefined;
  /** Number of tokens that this process has received from the source. */
  refreshes: number;
  /** Number of times a refresh token was sent although it may have been used before. */
  unsure: number;
  /** Error of the last refresh; `undefined` after success. */
  lastError: string | undefined;
  /** Why a new login is required; `undefined` if none is. */
  needsRelogin: string | undefined;
  /** Earliest time of the next refresh, ISO UTC; `undefined` if one may start now. */
  retryAt: string | undefined;
}

/** One cooldown: of credential × quota pool × family of models, or wider. The hook `cooldown` has the same object. */
export interface CooldownStatus {
  /** Id of the credential, or of an acquirer that creates no tokens now; `"*"` for every credential of the upstream. */
  credential: string;
  /** Name of the upstream. */
  upstream: string;
  /** Name of the quota pool; `"*"` for all of them. */
  pool: string;
  /** Family of models that share the limit; `"*"` for every model. */
  family: string;
  /** What it applies to, in accordance with `credential` and `family`. */
  scope: CooldownScope;
  /** Meaning of the refusal. */
  reason: Reason;
  /** Seconds until it ends, rounded up. */
  retryAfter: number;
  /** End of the cooldown, ISO UTC. */
  expiresAt: string;
  /** True if the upstream stated this wait, false if the relay chose it. */
  statedByUpstream: boolean;
  /** Number of consecutive incidents of this key; each lengthens a wait that the relay chooses. */
  incidents: number;
}

/** `model`: one family on one credential; `upstream-model`: one family on every credential; `acquirer`: creation of tokens. */
export type CooldownScope = "model" | "credential" | "upstream-model" | "upstream" | "acquirer";

/** One endpoint with an open circuit. */
export interface CircuitStatus {
  /** Name of the upstream. */
  upstream: string;
  /** Name of the quota pool. */
  pool: string;
  /** Position of the endpoint in the configuration, from 1: the base URL, then its backups. */
  endpoint: number;
  /** Number of consecutive failures. */
  failures: number;
  /** Seconds until one request probes it, rounded up; 0 during a probe. */
  retryAfter: number;
  /** Time at which one request may probe it, ISO UTC. */
  expiresAt: string;
}

/** One source of anonymous tokens. */
export interface AcquirerStatus {
  /** Its id. */
  id: string;
  /** Name of its upstream. */
  upstream: string;
  /** Its priority: a name out of `tiers` if that is configured, otherwise a number; lower is used first. */
  tier: number | string;
  /** Number of its tokens in use. */
  live: number;
  /** Maximum number of its tokens in use at a time. */
  maxLive: number;
  /** True while it creates a token. */
  creating: boolean;
  /** Numbers of attempts to create one, in the last hour and the last day, of all instances on the store. */
  attempts: CreationCounts;
  /** Earliest time of the next creation, ISO UTC; `undefined` if one may start now. */
  nextAt: string | undefined;
  /** Why none is created until then, or at all; `undefined` if one may be created. */
  blocked: string | undefined;
}

/** Numbers of attempts to create a token. */
export interface CreationCounts {
  /** Number of attempts in the last 60 minutes. */
  hour: number;
  /** Number of attempts in the last 24 hours. */
  day: number;
}

/** Numbers of requests. */
export interface RequestCounts {
  /** Number of requests in progress, including those that wait. */
  open: number;
  /** Number of requests that wait for a credential. */
  waiting: number;
  /** Size of the request bodies that are held now, in bytes; their limit is `limits.bufferedBytes`. */
  bufferedBytes: number;
}
