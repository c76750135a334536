// Resolves the credentials: their upstreams, tiers and secrets.
import type { TokenFunction, TokenSource } from "../contract/token-source.ts";
import type { Credential } from "../contract/credential.ts";
import type { CredentialOptions } from "./credential-types.ts";
import type { RelayOptions } from "./types.ts";
import type { AcquirerConfig } from "../contract/anonymous-source.ts";
import { resolveAcquirer } from "./anonymous-options.ts";
import { CREDENTIAL_DEFAULTS } from "./defaults.ts";
import type { Faults } from "./faults.ts";
import { didYouMean } from "./suggest.ts";

/** The credentials of the config, by what they are. */
export interface Carriers {
  /** Credentials with a key or a token source. */
  credentials: Credential[];
  /** Sources of anonymous tokens. */
  acquirers: AcquirerConfig[];
  /** Static keys by credential id, separate from everything that is shown. */
  secrets: Map<string, string>;
  /** Token sources by credential id. */
  sources: Map<string, TokenSource | TokenFunction>;
}

/** Resolves every credential. A duplicate id, an unknown name and an upstream without a credential are faults. */
export function resolveCredentials(
  options: RelayOptions,
  upstreams: ReadonlyMap<string, unknown>,
  faults: Faults,
): Carriers {
  const tiers = Array.isArray(options.tiers) ? options.tiers : [];
  tiers.forEach((name, index) => {
    if (tiers.indexOf(name) < index)
      faults.add(`tiers[${index}]`, `is a duplicate of tiers[${tiers.indexOf(name)}]`);
  });
  const carriers: Carriers = {
    credentials: [],
    acquirers: [],
    secrets: new Map(),
    sources: new Map(),
  };
  const names = [...upstreams.keys()];
  const resolution = {
    options,
    names,
    carriers,
    taken: new Set<string>(),
    served: new Set<string>(),
  };
  const credentials = Array.isArray(options.credentials) ? options.credentials : [];
  // No closure for each of up to 100,000 credentials.
  for (let index = 0; index < credentials.length && !faults.isFull; index++) {
    try {
      resolveCredential(credentials[index]!, `credentials[${index}]`, resolution, faults);
    } catch (error) {
      faults.take(error);
    }
  }
  if (!faults.some((path) => UNCERTAIN.test(path))) checkServed(resolution, faults);
  return carriers;
}

/** Paths of faults after which it is unknown which upstreams have a credential. */
const UNCERTAIN = /^credentials(?:\[\d+\](?:\.upstream)?)?$/;

interface Resolution {
  options: RelayOptions;
  /** Names of the upstreams. */
  names: readonly string[];
  carriers: Carriers;
  /** Ids of sources of anonymous tokens. */
  taken: Set<string>;
  served: Set<string>;
}

function resolveCredential(
  options: CredentialOptions,
  path: string,
  resolution: Resolution,
  faults: Faults,
): void {
  const { id, apiKey, token } = options;
  const { credentials, acquirers, secrets, sources } = resolution.carriers;
  // A separate set of all ids would cost as much as all other checks of a large pool.
  if (secrets.has(id) || sources.has(id) || resolution.taken.has(id))
    faults.add(
      `${path}.id`,
      `is a duplicate of credentials[${indexOf(id, resolution.options)}].id`,
    );
  const upstream = upstreamOf(options, resolution.names, path, faults);
  resolution.served.add(upstream);
  const tier = tierOf(options, resolution.options.tiers, path, faults);
  const resolved = toCredential(options, upstream, tier);
  const acquirer = resolveAcquirer(options, resolved, path);
  if (acquirer) {
    resolution.taken.add(id);
    acquirers.push(acquirer);
  } else credentials.push(resolved);
  if (apiKey !== undefined) secrets.set(id, apiKey);
  if (token !== undefined) sources.set(id, token);
}

function indexOf(id: string, { credentials }: RelayOptions): number {
  return credentials.findIndex((other) => other.id === id);
}

function checkServed({ options, names, served }: Resolution, faults: Faults): void {
  for (const name of names)
    if (!served.has(name))
      faults.add(
        options.upstream ? "credentials" : `upstreams.${name}`,
        options.upstream
          ? "is empty: give at least one credential, `{ id, apiKey }`"
          : "has no credential: name this upstream in `credentials[].upstream`",
        options.upstream ? undefined : `upstreams.${name}.*`,
      );
}

function upstreamOf(
  { upstream }: CredentialOptions,
  names: readonly string[],
  path: string,
  faults: Faults,
): string {
  if (upstream === undefined && names.length > 1)
    faults.add(`${path}.upstream`, `is missing: name one of the upstreams ${names.join(", ")}`);
  // Without any upstream, that is the fault.
  if (upstream !== undefined && names.length > 0 && !names.includes(upstream))
    faults.add(
      `${path}.upstream`,
      `must be one of ${names.join(", ")}${didYouMean(upstream, names)}`,
    );
  return upstream ?? names[0]!;
}

function toCredential(options: CredentialOptions, upstream: string, tier: number): Credential {
  const {
    id,
    label = id,
    models,
    weight = CREDENTIAL_DEFAULTS.weight,
    maxInFlight = Infinity,
  } = options;
  return {
    id,
    label,
    upstream,
    tier,
    weight,
    allow: models?.allow,
    deny: models?.deny,
    maxInFlight,
  };
}

function tierOf(
  { tier }: CredentialOptions,
  tiers: readonly string[] | undefined,
  path: string,
  faults: Faults,
): number {
  if (tier === undefined) return tiers ? 0 : 1;
  if (typeof tier === "number") return tier;
  const rank = tiers?.indexOf(tier) ?? -1;
  if (rank < 0 && !faults.hasAt("tiers"))
    faults.add(
      `${path}.tier`,
      tiers
        ? `must be one of ${tiers.join(", ")}${didYouMean(tier, tiers)}`
        : "must be a number if `tiers` is not set",
    );
  return rank;
}
