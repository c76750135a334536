// The tokens of one acquirer: credentials of their own that join the pool, are used up, and go (H4, H7, H8).
import type { AcquirerConfig } from "../contract/anonymous-source.ts";
import type { FreshToken, TokenSource } from "../contract/token-source.ts";
import type { Credential } from "../contract/credential.ts";
import type { CredentialRecord, DisableRecord, TokenRecord } from "../contract/state.ts";
import { describeFault } from "../shared/describe-error.ts";
import { skewOf } from "../tokens/clock-skew.ts";
import { TokenError } from "../tokens/token-error.ts";
import type { AcquirerDeps } from "./acquirer-deps.ts";

export interface AcquiredCredentials {
  /** How many may be used, now or when a window is over. */
  live(): number;
  /** How many have joined since the start, from here or from elsewhere. */
  joined(): number;
  /** Takes a token in that was asked for at `askedAt`; its life counts from then. */
  join(token: FreshToken, askedAt: number): Promise<void>;
  /** Takes in, and lets go, what the store says. Rejects where a token cannot be read. */
  restore(records: readonly CredentialRecord[]): Promise<void>;
  /** Counts a request; returns how many all live tokens are still good for, `undefined` where that is unknown or the credential is none of ours. */
  sent(credential: string): number | undefined;
  marked(mark: DisableRecord): void;
}

/** Tokens that are used up stay in sight, disabled, until so many have come after them. */
const SPENT_KEPT = 10;

export function createAcquiredCredentials(
  rooms: AcquirerDeps,
  config: AcquirerConfig,
): AcquiredCredentials {
  const { pools, health, clock, reporter, state, keeper } = rooms;
  const pool = pools.get(config.upstream)!;
  /** Credential → requests so far, in order of joining. */
  const ours = new Map<string, number>();
  const spent = new Set<string>();
  let joins = 0;

  const liveOnes = (): string[] => [...ours.keys()].filter((id) => !health.get(id));

  function add(id: string, record: TokenRecord): void {
    const now = clock.now();
    ours.set(id, state.counters(id)?.requests ?? 0);
    joins++;
    keeper.join(id, toSource(config), record);
    pool.add([toCredential(id, config)], now);
    if (health.get(id)) {
      pool.setDisabled(id, true);
      retire(id);
    } else if (isUsedUp(id)) disable(id);
  }

  function remove(id: string): void {
    ours.delete(id);
    spent.delete(id);
    pool.remove([id], clock.now());
    keeper.leave(id);
    health.forget(id);
  }

  // What is used up is used up: no reset is assumed, and no call is made to find out (H4).
  function disable(id: string): void {
    const reason = `its ${config.expectedRequests} expected requests are used up`;
    health.disable(id, { cause: "exhausted", reason, at: clock.now() });
    reporter.info(`credential ${id} is out of use: ${reason}`);
  }

  function isUsedUp(id: string): boolean {
    return (ours.get(id) ?? 0) >= (config.expectedRequests ?? Infinity);
  }

  function retire(id: string): void {
    spent.add(id);
    for (const old of spent) {
      if (spent.size <= SPENT_KEPT) return;
      remove(old);
      state.putCredential(tombstone(old, clock.now()));
      state.tokens.forget(old).catch(complain(old));
    }
  }

  function complain(id: string): (error: unknown) => void {
    return (error) =>
      reporter.error(`the token of ${id} could not be stored: ${describeFault(error)}`);
  }

  return {
    live: () => liveOnes().length,
    joined: () => joins,
    async join(token, askedAt) {
      const now = clock.now();
      const id = newId(config, pool.has.bind(pool));
      const record = toTokenRecord(id, token, { askedAt, now });
      // Lost before it is stored, it is lost; it has been counted. Stored, it comes back after a restart.
      await state.tokens.write(record).catch(complain(id));
      state.putCredential(toCredentialRecord(id, config, now));
      add(id, record);
      reporter.info(`acquirer ${config.id} has a new token: credential ${id}`);
    },
    async restore(records) {
      for (const { id, credential } of records) {
        if (!credential && ours.has(id)) remove(id);
        if (credential?.origin !== config.id || ours.has(id)) continue;
        const record = await state.tokens.read(id);
        // Its token is lost: it can never serve. Nobody else may have taken it in meanwhile.
        if (record && !ours.has(id)) add(id, record);
      }
    },
    sent(credential) {
      const before = ours.get(credential);
      if (before === undefined) return undefined;
      ours.set(credential, before + 1);
      if (config.expectedRequests === undefined) return undefined;
      if (isUsedUp(credential) && !health.get(credential)) disable(credential);
      const left = (id: string): number => config.expectedRequests! - ours.get(id)!;
      return liveOnes().reduce((sum, id) => sum + left(id), 0);
    },
    marked({ credential, disabled }) {
      if (!ours.has(credential)) return;
      if (disabled && disabled.cause !== "operator") retire(credential);
      else spent.delete(credential);
    },
  };
}

/** A random id, never derived from what the provider gave (A1, H7). */
function newId({ id }: AcquirerConfig, isTaken: (id: string) => boolean): string {
  for (;;) {
    const made = `${id}-${crypto.randomUUID().slice(0, 8)}`;
    if (!isTaken(made)) return made;
  }
}

// What the operator says now holds, not what was said when the token was made.
function toCredential(id: string, config: AcquirerConfig): Credential {
  const { upstream, tier, weight, allow, deny, maxInFlight, label } = config;
  return { id, label: `${label} (${id})`, upstream, tier, weight, allow, deny, maxInFlight };
}

function toCredentialRecord(id: string, config: AcquirerConfig, now: number): CredentialRecord {
  const { label, upstream, tier, weight, allow, deny, maxInFlight } = config;
  const cap = maxInFlight === Infinity ? undefined : maxInFlight;
  return {
    id,
    credential: {
      label,
      upstream,
      tier,
      weight,
      allow,
      deny,
      maxInFlight: cap,
      origin: config.id,
      apiKey: undefined,
      createdAt: now,
    },
    revision: 1,
    writtenAt: now,
  };
}

function tombstone(id: string, now: number): CredentialRecord {
  return { id, credential: undefined, revision: 2, writtenAt: now };
}

// The first of its line: every refresh has a lease of its own, whose generations begin above.
function toTokenRecord(
  id: string,
  token: FreshToken,
  { askedAt, now }: { askedAt: number; now: number },
): TokenRecord {
  const { accessToken, refreshToken, expiresIn, expiresAt } = token;
  return {
    credential: id,
    generation: 0,
    accessToken,
    expiresAt: expiresAt ?? (expiresIn === undefined ? undefined : askedAt + expiresIn * 1_000),
    issuedAt: askedAt,
    skew: skewOf(token, askedAt, now),
    refreshToken,
    originHash: "",
    writtenAt: now,
  };
}

function toSource({ source }: AcquirerConfig): TokenSource {
  return {
    kind: "anonymous",
    rotates: false,
    refresh: (context) => {
      if (source.refresh) return source.refresh(context);
      throw new TokenError({ step: "refresh", code: "NO_REFRESH" });
    },
  };
}
