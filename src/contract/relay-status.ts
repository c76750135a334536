// What `relay.status()` gives. Points in time are ISO UTC strings, durations ms, `retryAfter` seconds. docs/observing.md shows the same.
import type { DisabledCause } from "./records.ts";
import type { StateHealth } from "./state.ts";
import type { Reason } from "./verdict.ts";

/** Everything the relay knows now, read from the tables that choosing reads. Holds no secret. */
export interface RelayStatus {
  /** When this was read, ISO UTC. */
  at: string;
  /** Every credential: the configured ones in their order, then those added or acquired at run time. */
  credentials: CredentialStatus[];
  /** What is closed now, until when and why. */
  cooldowns: CooldownStatus[];
  /** Endpoints that get no requests now, because they failed several times in a row. */
  circuits: CircuitStatus[];
  /** Sources of anonymous tokens. */
  acquirers: AcquirerStatus[];
  /** Requests under way, by number. */
  requests: RequestCounts;
  /** How the store is. */
  store: StateHealth;
}

/** One credential. */
export interface CredentialStatus {
  /** Its id. */
  id: string;
  /** Its name for people; the id where none was given. */
  label: string;
  /** Name of its upstream. */
  upstream: string;
  /** Its name where `tiers` is configured, else its number; lower is preferred. */
  tier: number | string;
  /** Requests under way on it. */
  inFlight: number;
  /** Why it is out of use; `undefined` while it is in use. */
  disabled: CredentialDisabled | undefined;
  /** URL where its owner must confirm who they are, as the upstream says; `undefined` where nothing is to be confirmed. */
  verification: string | undefined;
  /** Its upstream calls so far, by all instances on the store; `undefined` before the first. */
  counters: CredentialCounters | undefined;
  /** Its access token; `undefined` for a static key. */
  token: CredentialToken | undefined;
}

/** Why a credential is out of use. */
export interface CredentialDisabled {
  /**
   * `auth`: its key was refused; `forbidden`: its account was refused; `operator`: taken out by hand; `exhausted`: its
   * anonymous token is used up; `relogin`: its grant is gone.
   */
  cause: DisabledCause;
  /** What was said, for people. */
  reason: string;
  /** Since when, ISO UTC. */
  at: string;
}

/** Upstream calls of one credential. */
export interface CredentialCounters {
  /** Number of upstream calls. */
  requests: number;
  /** Number of those that failed. */
  failures: number;
  /** When the last one ended, ISO UTC. */
  lastUsedAt: string;
}

/** What is told of an access token; never any part of it. */
export interface CredentialToken {
  /** Kind of its source: `oauth`, `firebase`, `service-account`, `function`, … */
  kind: string;
  /** When it ends, ISO UTC; `undefined` where there is none, or its end is unknown. */
  expiresAt: string | undefined;
  /** Number of tokens that this process got from the source. */
  refreshes: number;
  /** Number of times a refresh token was sent although it was unknown whether it had been used. */
  unsure: number;
  /** Why the last refresh failed; `undefined` after success. */
  lastError: string | undefined;
  /** Why only a new login helps; `undefined` where none is needed. */
  needsRelogin: string | undefined;
  /** Before this no refresh is tried, ISO UTC; `undefined` where one may be tried now. */
  retryAt: string | undefined;
}

/** One closed key: credential × quota pool × family of models, or wider. The hook `cooldown` gives the same object. */
export interface CooldownStatus {
  /** Id; of an acquirer where its creating is closed; `"*"` for every credential of the upstream. */
  credential: string;
  /** Name of the upstream. */
  upstream: string;
  /** Name of the quota pool; `"*"` for all of them. */
  pool: string;
  /** Models that share the limit; `"*"` for every model. */
  family: string;
  /** What it closes: that is how much `credential` and `family` name. */
  scope: CooldownScope;
  /** What was refused. */
  reason: Reason;
  /** Seconds until it ends, rounded up. */
  retryAfter: number;
  /** When it ends, ISO UTC. */
  expiresAt: string;
  /** True where the upstream stated this wait, false where the relay chose it. */
  statedByUpstream: boolean;
  /** Number of incidents in a row on this key; each makes a wait of the relay's choice longer. */
  incidents: number;
}

/** `model`: one family on one credential; `upstream-model`: one family for every credential; `acquirer`: creating tokens. */
export type CooldownScope = "model" | "credential" | "upstream-model" | "upstream" | "acquirer";

/** One endpoint that gets no requests now. */
export interface CircuitStatus {
  /** Name of the upstream. */
  upstream: string;
  /** Name of the quota pool. */
  pool: string;
  /** Its number in the order of the configuration, from 1: the base URL, then its backups. */
  endpoint: number;
  /** Number of failures in a row. */
  failures: number;
  /** Seconds until one request may try it, rounded up; 0 while one does. */
  retryAfter: number;
  /** When one request may try it, ISO UTC. */
  expiresAt: string;
}

/** One source of anonymous tokens. */
export interface AcquirerStatus {
  /** Its id. */
  id: string;
  /** Name of its upstream. */
  upstream: string;
  /** Its name where `tiers` is configured, else its number; lower is preferred. */
  tier: number | string;
  /** Number of its tokens in use. */
  live: number;
  /** Number of its tokens that may be in use at a time. */
  maxLive: number;
  /** True while a token is being created. */
  creating: boolean;
  /** Number of attempts to create one, in the last hour and the last day, by all instances on the store. */
  attempts: CreationCounts;
  /** When the next may be created, ISO UTC; `undefined` where it may be now. */
  nextAt: string | undefined;
  /** Why none is created until then, or at all; `undefined` where one may be. */
  blocked: string | undefined;
}

/** Numbers of attempts to create a token. */
export interface CreationCounts {
  /** In the last 60 minutes. */
  hour: number;
  /** In the last 24 hours. */
  day: number;
}

/** Numbers of requests. */
export interface RequestCounts {
  /** Number of requests that have begun and not ended. */
  open: number;
  /** Number of those that wait for a credential. */
  waiting: number;
}
