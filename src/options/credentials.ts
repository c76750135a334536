// The credentials of the config: whose they are, and how much they are preferred.
import type { TokenFunction, TokenSource } from "../contract/auth.ts";
import type { Credential } from "../contract/credential.ts";
import type { CredentialOptions, RelayOptions } from "./types.ts";
import type { AcquirerConfig } from "../contract/anonymous.ts";
import { resolveAcquirer } from "./acquirers.ts";
import { wrong } from "./check.ts";

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

/** Resolves every credential. Throws where two share an id, a name leads nowhere, or an upstream is left without any. */
export function resolveCredentials(
  options: RelayOptions,
  upstreams: ReadonlyMap<string, unknown>,
): Carriers {
  const { tiers = [] } = options;
  const twice = tiers.findIndex((name, index) => tiers.indexOf(name) !== index);
  if (twice >= 0) wrong(`tiers[${twice}]`, "stands twice");
  const names = [...upstreams.keys()];
  const served = new Set<string>();
  const credentials: Credential[] = [];
  const acquirers = new Map<string, AcquirerConfig>();
  const secrets = new Map<string, string>();
  const sources = new Map<string, TokenSource | TokenFunction>();
  // A set of all ids of its own would cost a large pool as much as all other checks together.
  const isTaken = (id: string): boolean => secrets.has(id) || sources.has(id) || acquirers.has(id);
  options.credentials.forEach((credential, index) => {
    const { id, apiKey, token } = credential;
    const path = `credentials[${index}]`;
    if (isTaken(id)) wrong(`${path}.id`, `is the same as credentials[${placeOf(id, options)}].id`);
    const upstream = resolveUpstreamName(credential, names, path);
    served.add(upstream);
    const tier = resolveTier(credential, options.tiers, path);
    const resolved = toCredential(credential, upstream, tier);
    const acquirer = resolveAcquirer(credential, resolved, path);
    if (acquirer) acquirers.set(id, acquirer);
    else credentials.push(resolved);
    if (apiKey !== undefined) secrets.set(id, apiKey);
    if (token !== undefined) sources.set(id, token);
  });
  const unserved = names.find((name) => !served.has(name));
  if (unserved !== undefined)
    wrong(
      options.upstream ? "credentials" : `upstreams.${unserved}`,
      "has no credential, and nothing can ever give it one",
    );
  return { credentials, acquirers: [...acquirers.values()], secrets, sources };
}

function placeOf(id: string, { credentials }: RelayOptions): number {
  return credentials.findIndex((other) => other.id === id);
}

function resolveUpstreamName(
  { upstream }: CredentialOptions,
  names: readonly string[],
  path: string,
): string {
  if (upstream === undefined && names.length === 1) return names[0]!;
  if (upstream === undefined)
    wrong(`${path}.upstream`, "is missing, and there are several upstreams");
  if (!names.includes(upstream)) wrong(`${path}.upstream`, `must be one of ${names.join(", ")}`);
  return upstream;
}

function toCredential(options: CredentialOptions, upstream: string, tier: number): Credential {
  const { id, label = id, models, weight = 1, maxInFlight = Infinity } = options;
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

function resolveTier(
  { tier }: CredentialOptions,
  tiers: readonly string[] | undefined,
  path: string,
): number {
  if (tier === undefined) return tiers ? 0 : 1;
  if (typeof tier === "number") return tier;
  const rank = tiers?.indexOf(tier) ?? -1;
  if (rank < 0)
    wrong(
      `${path}.tier`,
      tiers ? `must be one of ${tiers.join(", ")}` : "must be a number where there are no `tiers`",
    );
  return rank;
}
