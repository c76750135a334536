// What an operator sees: every credential, what is closed until when and why, and how the store is.
import type { TokenStatus } from "../tokens/token-status.ts";
import type { Credential } from "../contract/credential.ts";
import type { DisabledMark, UsageCounters } from "../contract/state.ts";
import type {
  CircuitStatus,
  CredentialCounters,
  CredentialDisabled,
  CredentialStatus,
  CredentialToken,
  RelayStatus,
} from "../contract/relay-status.ts";
import type { Services } from "../wiring/create-services.ts";
import { secondsUntil, toISOTime } from "../shared/times.ts";
import { toCooldownStatus } from "../cooldowns/cooldown-status.ts";
import { toTierName } from "../shared/tier-names.ts";

/** Reads the status from the very tables that choosing reads. Holds no secret. */
export function toStatus(rooms: Services): RelayStatus {
  const { config, pools, cooldowns, state, clock, open, waiting, circuits, acquirers } = rooms;
  const now = clock.now();
  const creators = new Set(config.acquirers.map(({ id }) => id));
  return {
    at: toISOTime(now),
    credentials: everybody(config, pools).map((one) => toCredentialStatus(rooms, one)),
    cooldowns: Array.from(cooldowns.all(now), (it) =>
      toCooldownStatus(it, now, creators.has(it.key.credential)),
    ),
    circuits: toCircuits(config, circuits, now),
    acquirers: (acquirers?.status() ?? []).map((it) => ({
      ...it,
      tier: toTierName(it.tier, config.tiers),
    })),
    requests: { open: open.size, waiting: waiting.size },
    store: state.health(),
  };
}

function toCredentialStatus(
  { config, pools, health, consequences, state, auth }: Services,
  { id, label, upstream, tier }: Credential,
): CredentialStatus {
  const disabled = health.get(id);
  return {
    id,
    label,
    upstream,
    tier: toTierName(tier, config.tiers),
    inFlight: pools.get(upstream)!.inFlight(id),
    disabled: disabled && toDisabled(disabled),
    verification: consequences.verificationLinkOf(id),
    counters: toCounters(state.counters(id)),
    token: toToken(auth.status(id), disabled),
  };
}

function toDisabled({ cause, reason, at }: DisabledMark): CredentialDisabled {
  return { cause, reason, at: toISOTime(at) };
}

function toCounters(counters: UsageCounters | undefined): CredentialCounters | undefined {
  return counters && { ...counters, lastUsedAt: toISOTime(counters.lastUsedAt) };
}

function toToken(
  token: TokenStatus | undefined,
  disabled: DisabledMark | undefined,
): CredentialToken | undefined {
  if (!token) return undefined;
  const { kind, expiresAt, refreshes, unsure, lastError, relogin, retryAt } = token;
  return {
    kind,
    expiresAt: expiresAt === undefined ? undefined : toISOTime(expiresAt),
    refreshes,
    unsure,
    lastError,
    needsRelogin: disabled?.cause === "relogin" ? disabled.reason : relogin,
    retryAt: retryAt === undefined ? undefined : toISOTime(retryAt),
  };
}

/** The configured ones in their order, then those made at run time. */
function everybody({ credentials }: Services["config"], pools: Services["pools"]): Credential[] {
  const configured = new Set(credentials.map(({ id }) => id));
  const members = [...pools.values()].flatMap((pool) => pool.credentials);
  return [...credentials, ...members.filter(({ id }) => !configured.has(id))];
}

function toCircuits(
  { upstreams }: Services["config"],
  circuits: Services["circuits"],
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
        const retryAfter = secondsUntil(until, now);
        const expiresAt = toISOTime(until);
        return [{ upstream, pool, endpoint: index + 1, failures, retryAfter, expiresAt }];
      }),
    ),
  );
}
