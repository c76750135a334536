// The credentials of the config: whose they are, and how much they are preferred.
import type { TokenFunction, TokenSource } from "../contract/token-source.ts";
import type { Credential } from "../contract/credential.ts";
import type { CredentialOptions } from "./credential-types.ts";
import type { RelayOptions } from "./types.ts";
import type { AcquirerConfig } from "../contract/anonymous-source.ts";
import { resolveAcquirer } from "./anonymous-options.ts";
import { CREDENTIAL_DEFAULTS } from "./defaults.ts";
import type { Faults } from "./faults.ts";
import { didYouMean } from "./suggest.ts";

export interface Carriers {
  /** What can carry a request as it stands. */
  credentials: Credential[];
  /** What acquires tokens that can. */
  acquirers: AcquirerConfig[];
  /** Static keys by credential id. Kept apart from all that is shown. */
  secrets: Map<string, string>;
  /** Token sources by credential id. */
  sources: Map<string, TokenSource | TokenFunction>;
}

/** Resolves every credential. Two that share an id, a name that leads nowhere, an upstream without any are faults. */
export function resolveCredentials(
  options: RelayOptions,
  upstreams: ReadonlyMap<string, unknown>,
  faults: Faults,
): Carriers {
  const tiers = Array.isArray(options.tiers) ? options.tiers : [];
  tiers.forEach((name, index) => {
    if (tiers.indexOf(name) < index)
      faults.add(`tiers[${index}]`, `is the same as tiers[${tiers.indexOf(name)}]`);
  });
  const carriers: Carriers = {
    credentials: [],
    acquirers: [],
    secrets: new Map(),
    sources: new Map(),
  };
  const names = [...upstreams.keys()];
  const place = { options, names, carriers, taken: new Set<string>(), served: new Set<string>() };
  const credentials = Array.isArray(options.credentials) ? options.credentials : [];
  // No function for each of a hundred thousand.
  for (let index = 0; index < credentials.length && !faults.isFull; index++) {
    try {
      take(credentials[index]!, `credentials[${index}]`, place, faults);
    } catch (error) {
      faults.take(error);
    }
  }
  if (!faults.some((path) => WHOSE.test(path))) checkServed(place, faults);
  return carriers;
}

/** Faults that leave it open which upstream has a credential. */
const WHOSE = /^credentials(?:\[\d+\](?:\.upstream)?)?$/;

interface Place {
  options: RelayOptions;
  /** Names of the upstreams. */
  names: readonly string[];
  carriers: Carriers;
  /** Ids of sources of anonymous tokens. */
  taken: Set<string>;
  served: Set<string>;
}

function take(options: CredentialOptions, path: string, place: Place, faults: Faults): void {
  const { id, apiKey, token } = options;
  const { credentials, acquirers, secrets, sources } = place.carriers;
  // A set of all ids of its own would cost a large pool as much as all other checks together.
  if (secrets.has(id) || sources.has(id) || place.taken.has(id))
    faults.add(`${path}.id`, `is the same as credentials[${placeOf(id, place.options)}].id`);
  const upstream = upstreamOf(options, place.names, path, faults);
  place.served.add(upstream);
  const tier = tierOf(options, place.options.tiers, path, faults);
  const resolved = toCredential(options, upstream, tier);
  const acquirer = resolveAcquirer(options, resolved, path);
  if (acquirer) {
    place.taken.add(id);
    acquirers.push(acquirer);
  } else credentials.push(resolved);
  if (apiKey !== undefined) secrets.set(id, apiKey);
  if (token !== undefined) sources.set(id, token);
}

function placeOf(id: string, { credentials }: RelayOptions): number {
  return credentials.findIndex((other) => other.id === id);
}

function checkServed({ options, names, served }: Place, faults: Faults): void {
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
    faults.add(`${path}.upstream`, `is missing: there are several upstreams, ${names.join(", ")}`);
  // Where there is none, that is the fault.
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
        : "must be a number where there are no `tiers`",
    );
  return rank;
}
