// What an operator sees: every credential, what is closed until when and why, and how the store is.
import type { StateHealth, UsageCounters } from "../contract/state.ts";
import type { Reason } from "../contract/verdict.ts";
import type { Rooms } from "../rooms.ts";

export interface RelayStatus {
  /** When this was read, ISO UTC. */
  at: string;
  credentials: CredentialStatus[];
  cooldowns: CooldownStatus[];
  /** Endpoints that are left alone, because they failed again and again. */
  circuits: CircuitStatus[];
  /** Requests under way, and those of them that wait for a credential. */
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
}: Rooms): RelayStatus {
  const now = clock.now();
  return {
    at: iso(now),
    credentials: config.credentials.map(({ id, label, upstream, tier }) => {
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
    requests: { open: open.size, waiting: waiting.size },
    store: state.health(),
  };
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
