// The records and credentials that an acquired token becomes. Pure, except for the random id.
import type { AcquirerConfig } from "../contract/anonymous-source.ts";
import type { Credential } from "../contract/credential.ts";
import type { CredentialRecord, TokenRecord } from "../contract/records.ts";
import type { FreshToken, TokenSource } from "../contract/token-source.ts";
import { skewOf } from "../tokens/clock-skew.ts";
import { TokenError } from "../tokens/token-error.ts";

/** A random id, never derived from what the provider returned (A1, H7). */
export function newCredentialId(
  { id }: AcquirerConfig,
  isTaken: (credential: string) => boolean,
): string {
  for (;;) {
    const credential = `${id}-${crypto.randomUUID().slice(0, 8)}`;
    if (!isTaken(credential)) return credential;
  }
}

// The present configuration holds, not the one under which the token was created.
export function toCredential(id: string, config: AcquirerConfig): Credential {
  const { upstream, tier, weight, allow, deny, maxInFlight, label } = config;
  return { id, label: `${label} (${id})`, upstream, tier, weight, allow, deny, maxInFlight };
}

export function toCredentialRecord(
  id: string,
  config: AcquirerConfig,
  now: number,
): CredentialRecord {
  const { label, upstream, tier, weight, allow, deny, maxInFlight } = config;
  const credential = {
    label,
    upstream,
    tier,
    weight,
    allow,
    deny,
    maxInFlight: maxInFlight === Infinity ? undefined : maxInFlight,
    origin: config.id,
    apiKey: undefined,
    createdAt: now,
  };
  return { id, credential, revision: 1, writtenAt: now };
}

export function toTombstone(id: string, now: number): CredentialRecord {
  return { id, credential: undefined, revision: 2, writtenAt: now };
}

/** Generation 0: every refresh has a lease, and the generations of leases begin above. */
export function toTokenRecord(
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

export function toTokenSource({ source }: AcquirerConfig): TokenSource {
  return {
    kind: "anonymous",
    rotates: false,
    refresh: (context) => {
      if (source.refresh) return source.refresh(context);
      throw new TokenError({ step: "refresh", code: "NO_REFRESH" });
    },
  };
}
