// What an operator sees: every credential, what is closed until when and why, and how the store is.
import type { DisabledMark, StateHealth, UsageCounters } from "../contract/state.ts";
import type { Reason } from "../contract/verdict.ts";
import type { TokenStatus } from "../auth/keeper.ts";
import type { Credential } from "../contract/credential.ts";
import type { AcquirerStatus } from "../acquire/acquirer.ts";
import type { Rooms } from "../rooms.ts";

export interface RelayStatus {
  /** When this was read, ISO UTC. */
  at: string;
  credentials: CredentialStatus[];
  cooldowns: CooldownStatus[];
  /** Endpoints that are left alone, because they failed again and again. */
  circuits: CircuitStatus[];
  /** Requests under way, and those of them that wait for a credential. */
  /** Sources of anonymous tokens. */
  acquirers: AcquirerStatus[];
  requests: { open: number; waiting: number };
  store: StateHealth;
}

export interface CredentialStatus {
  id: string;
  label: string;
  upstream: string;
  tier: number;
  inFlight: number;
  disabled: { cause: string; reason: string; at: string } | undefined;
  /** Where its owner must confirm who they are, as the upstream says. */
  verification: string | undefined;
  usage: UsageCounters | undefined;
  /** Of credentials with a token source. */
  token: TokenView | undefined;
}

export interface TokenView {
  kind: string;
  /** ISO UTC; `undefined` where there is no token, or nobody knows. */
  expires_at: string | undefined;
  refreshes: number;
  /** Times a refresh token was sent though nobody knew whether it had been used. */
  unsure: number;
  last_error: string | undefined;
  needs_relogin: string | undefined;
  /** ISO UTC: nothing is tried before. */
  retry_at: string | undefined;
}

export interface CooldownStatus {
  /** `"*"` stands for all credentials of the upstream, or all models. */
  credential: string;
  upstream: string;
  pool: string;
  family: string;
  reason: Reason;
  /** Seconds. */
  retry_after: number;
  /** ISO UTC. */
  expires_at: string;
  stated: boolean;
  incidents: number;
}

export interface CircuitStatus {
  upstream: string;
  pool: string;
  /** Its number in the order of the configuration, from 1. */
  endpoint: number;
  failures: number;
  /** Seconds until a request may try it; 0 while one does. */
  retry_after: number;
  /** ISO UTC. */
  expires_at: string;
}

/** Reads the status from the very tables that choosing reads. Holds no secret. */
export function toStatus({
  config,
  pools,
  health,
  cooldowns,
  state,
  clock,
  open,
  waiting,
  consequences,
  circuits,
  auth,
  acquirers,
}: Rooms): RelayStatus {
  const now = clock.now();
  return {
    at: iso(now),
    credentials: everybody(config, pools).map(({ id, label, upstream, tier }) => {
      const disabled = health.get(id);
      return {
        id,
        label,
        upstream,
        tier,
        inFlight: pools.get(upstream)!.inFlight(id),
        disabled: disabled && {
          cause: disabled.cause,
          reason: disabled.reason,
          at: iso(disabled.at),
        },
        verification: consequences.linkOf(id),
        usage: state.counters(id),
        token: toTokenView(auth.status(id), disabled),
      };
    }),
    cooldowns: [...cooldowns.all(now)].map(({ key, reason, until, stated, incidents }) => ({
      ...key,
      reason,
      retry_after: Math.ceil((until - now) / 1_000),
      expires_at: iso(until),
      stated,
      incidents,
    })),
    circuits: toCircuits(config, circuits, now),
    acquirers: acquirers?.status() ?? [],
    requests: { open: open.size, waiting: waiting.size },
    store: state.health(),
  };
}

function toTokenView(
  token: TokenStatus | undefined,
  disabled: DisabledMark | undefined,
): TokenView | undefined {
  if (!token) return undefined;
  const { kind, expiresAt, refreshes, unsure, lastError, relogin, retryAt } = token;
  return {
    kind,
    expires_at: expiresAt === undefined ? undefined : iso(expiresAt),
    refreshes,
    unsure,
    last_error: lastError,
    needs_relogin: disabled?.cause === "relogin" ? disabled.reason : relogin,
    retry_at: retryAt === undefined ? undefined : iso(retryAt),
  };
}

/** The configured ones in their order, then those made at run time. */
function everybody({ credentials }: Rooms["config"], pools: Rooms["pools"]): Credential[] {
  const configured = new Set(credentials.map(({ id }) => id));
  const members = [...pools.values()].flatMap((pool) => pool.credentials);
  return [...credentials, ...members.filter(({ id }) => !configured.has(id))];
}

function toCircuits(
  { upstreams }: Rooms["config"],
  circuits: Rooms["circuits"],
  now: number,
): CircuitStatus[] {
  const open = new Map(circuits.open(now).map((it) => [it.name, it]));
  if (open.size === 0) return [];
  return [...upstreams.values()].flatMap(({ name: upstream, pools }) =>
    pools.flatMap(({ name: pool, endpoints }) =>
      endpoints.flatMap(({ origin, basePath }, index) => {
        const known = open.get(origin + basePath);
        if (!known) return [];
        const { until, failures } = known;
        const wait = Math.ceil((until - now) / 1_000);
        return [
          {
            upstream,
            pool,
            endpoint: index + 1,
            failures,
            retry_after: wait,
            expires_at: iso(until),
          },
        ];
      }),
    ),
  );
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
