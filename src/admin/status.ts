// What an operator sees: every credential, what is closed until when and why, and the condition of the store.
import type { TokenStatus } from "../tokens/token-status.ts";
import type { Credential } from "../contract/credential.ts";
import type { DisabledMark, UsageCounters } from "../contract/records.ts";
import type {
  CircuitStatus,
  CredentialCounters,
  CredentialDisabled,
  CredentialStatus,
  CredentialToken,
  RelayStatus,
} from "../contract/relay-status.ts";
import type { Acquirers } from "../anonymous/acquirers.ts";
import type { Clock } from "../contract/clock.ts";
import type { State, StateHealth } from "../contract/state.ts";
import type { VerdictApplier } from "../cooldowns/apply-verdict.ts";
import type { Cooldowns } from "../cooldowns/cooldowns.ts";
import type { DisabledCredentials } from "../cooldowns/disabled-credentials.ts";
import { hideURLUser, type SecretDirectory } from "../observe/secret-directory.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { CircuitBreaker } from "../policies/circuit-breaker.ts";
import type { Pool } from "../pool/pool.ts";
import { secondsUntil, toISOTime } from "../shared/times.ts";
import { toCooldownStatus } from "../cooldowns/cooldown-status.ts";
import { toTierName } from "../shared/tier-names.ts";

/** What the status is read from. */
export interface StatusDeps {
  config: RelayConfig;
  clock: Clock;
  pools: ReadonlyMap<string, Pool>;
  cooldowns: Cooldowns;
  disabled: DisabledCredentials;
  verdicts: Pick<VerdictApplier, "verificationLinkOf">;
  tokens: { status(credential: string): TokenStatus | undefined };
  circuits: Pick<CircuitBreaker, "open">;
  acquirers: Pick<Acquirers, "status"> | undefined;
  state: Pick<State, "counters" | "health">;
  openRequests: { readonly size: number };
  queue: { readonly size: number };
  secrets: Pick<SecretDirectory, "redactorOf">;
  bodies: { readonly held: number };
}

/** Reads the status from the same tables that the selection reads. Contains no secret. */
export function toStatus(deps: StatusDeps): RelayStatus {
  const { config, pools, cooldowns, state, clock, openRequests, queue, bodies } = deps;
  const { circuits, acquirers } = deps;
  const now = clock.now();
  const creators = new Set(config.acquirers.map(({ id }) => id));
  return {
    at: toISOTime(now),
    credentials: allCredentials(config, pools).map((one) => toCredentialStatus(deps, one)),
    cooldowns: Array.from(cooldowns.all(now), (it) =>
      toCooldownStatus(it, now, creators.has(it.key.credential)),
    ),
    circuits: toCircuits(config, circuits, now),
    acquirers: (acquirers?.status() ?? []).map((it) => ({
      ...it,
      tier: toTierName(it.tier, config.tiers),
    })),
    requests: { open: openRequests.size, waiting: queue.size, bufferedBytes: bodies.held },
    store: withoutURLUser(state.health()),
  };
}

// A driver may put the address of its server in the code of an error.
function withoutURLUser(health: StateHealth): StateHealth {
  return health.fault === undefined ? health : { ...health, fault: hideURLUser(health.fault) };
}

function toCredentialStatus(
  { config, pools, disabled, verdicts, state, tokens, secrets }: StatusDeps,
  { id, label, upstream, tier }: Credential,
): CredentialStatus {
  const mark = disabled.get(id);
  const verification = verdicts.verificationLinkOf(id);
  const token = toToken(tokens.status(id), mark);
  const hasText = mark ?? verification ?? token?.lastError ?? token?.needsRelogin;
  const texts = { disabled: mark && toDisabled(mark), verification, token };
  // Only for the few with a text: there may be 100,000 others.
  const shown = hasText !== undefined ? secrets.redactorOf([id]).hideIn(texts) : texts;
  return {
    id,
    label,
    upstream,
    tier: toTierName(tier, config.tiers),
    inFlight: pools.get(upstream)!.inFlight(id),
    disabled: shown.disabled,
    verification: shown.verification,
    counters: toCounters(state.counters(id)),
    token: shown.token,
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

/** The configured credentials in their order, then those that were added at run time. */
function allCredentials(
  { credentials }: RelayConfig,
  pools: ReadonlyMap<string, Pool>,
): Credential[] {
  const configured = new Set(credentials.map(({ id }) => id));
  const members = [...pools.values()].flatMap((pool) => pool.credentials);
  return [...credentials, ...members.filter(({ id }) => !configured.has(id))];
}

function toCircuits(
  { upstreams }: RelayConfig,
  circuits: Pick<CircuitBreaker, "open">,
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
