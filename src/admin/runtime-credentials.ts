// Credentials that an operator adds and removes while the relay runs: kept in the store, known to every instance (K6, K8, K9).
import type { Clock } from "../contract/clock.ts";
import type { Credential } from "../contract/credential.ts";
import type { CredentialRecord, State } from "../contract/state.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { DisabledCredentials } from "../cooldowns/disabled-credentials.ts";
import type { Pool } from "../pool/pool.ts";
import type { Reporter } from "../observe/reporter.ts";
import { toTierName } from "../shared/tier-names.ts";
import { RelayError } from "../shared/errors.ts";
import { faultOfKey } from "../shared/key-faults.ts";
import { TOMBSTONE_KEPT } from "../state/records/tombstones.ts";

/** A static key that is added at run time. */
export interface AddedCredential {
  /** @default a random one */
  id?: string;
  label?: string;
  /** May be left out where there is only one. */
  upstream?: string;
  apiKey: string;
  /** Rank or name out of `tiers`; lower (earlier) is preferred. @default 1, or the first name */
  tier?: number | string;
  weight?: number;
  models?: { allow?: string[]; deny?: string[] };
  maxInFlight?: number;
}

/** What `export` gives and `import` takes: JSON, of which `apiKey` is there only when asked for. */
export type ExportedCredential = Omit<AddedCredential, "apiKey"> & { id: string; apiKey?: string };

export interface RuntimeCredentials {
  /** Takes a key in and returns its id; a key that the upstream has already keeps its own. Throws `ERR_RELAY_CREDENTIAL`. */
  add(credential: AddedCredential): string;
  /** Removes one that was added; false where there is none. Throws `ERR_RELAY_CONFIGURED` for one of the configuration. */
  remove(id: string): boolean;
  /** Those that were added. */
  export(secrets: boolean): ExportedCredential[];
  /** Takes in what the store knows, tombstones included. */
  restore(records: readonly CredentialRecord[]): void;
  /** Reports who has been out of use for longer than `limits.pruneAfter`, and removes them where they were added (F7). */
  prune(): void;
}

export interface RuntimeCredentialsDeps {
  config: RelayConfig;
  pools: ReadonlyMap<string, Pool>;
  health: DisabledCredentials;
  state: Pick<State, "putCredential">;
  reporter: Reporter;
  clock: Clock;
  /** Keys of those that were added, by credential. */
  addedKeys: Map<string, string>;
}

const ORIGIN = "operator";

export function createRuntimeCredentials(rooms: RuntimeCredentialsDeps): RuntimeCredentials {
  const { config, pools, health, state, reporter, clock, addedKeys } = rooms;
  /** Every record known, tombstones too: a revision must never be given twice. */
  const records = new Map<string, CredentialRecord>();
  const reported = new Set<string>();

  function isConfigured(id: string): boolean {
    const { secrets, sources, acquirers } = config;
    return secrets.has(id) || sources.has(id) || acquirers.some((it) => it.id === id);
  }

  function put(id: string, credential: CredentialRecord["credential"]): void {
    const revision = (records.get(id)?.revision ?? 0) + 1;
    const record = { id, credential, revision, writtenAt: clock.now() };
    take(record);
    state.putCredential(record);
  }

  function take(record: CredentialRecord): void {
    const { id, credential } = record;
    const known = records.get(id);
    if (isConfigured(id) || (known && known.revision >= record.revision)) return;
    records.set(id, record);
    if (credential) join(id, credential);
    else leave(id);
  }

  function join(id: string, made: NonNullable<CredentialRecord["credential"]>): void {
    const pool = pools.get(made.upstream);
    if (!pool || made.apiKey === undefined) return;
    addedKeys.set(id, made.apiKey);
    const { label, upstream, tier, weight, allow, deny, maxInFlight = Infinity } = made;
    const credential: Credential = { id, label, upstream, tier, weight, allow, deny, maxInFlight };
    pool.add([credential], clock.now());
    if (health.get(id)) pool.setDisabled(id, true);
  }

  function leave(id: string): void {
    addedKeys.delete(id);
    for (const pool of pools.values()) if (pool.has(id)) pool.remove([id], clock.now());
  }

  // Deleted in the store by then, too (K11).
  function forgetRemoved(): void {
    const since = clock.now() - TOMBSTONE_KEPT;
    for (const [id, { credential, writtenAt }] of records)
      if (!credential && writtenAt < since) records.delete(id);
  }

  function upstreamOf({ upstream }: Pick<AddedCredential, "upstream">): string {
    const names = [...pools.keys()];
    const name = upstream ?? (names.length === 1 ? names[0] : undefined);
    if (name !== undefined && pools.has(name)) return name;
    throw wrong("upstream", `must be one of ${names.join(", ")}`);
  }

  function tierOf({ tier }: Pick<AddedCredential, "tier">): number {
    const { tiers } = config;
    if (tier === undefined) return tiers ? 0 : 1;
    if (typeof tier === "number" && Number.isFinite(tier)) return tier;
    const rank = typeof tier === "string" && tiers ? tiers.indexOf(tier) : -1;
    if (rank >= 0) return rank;
    throw wrong("tier", tiers ? `must be one of ${tiers.join(", ")}` : "must be a number");
  }

  const alive = (): [string, NonNullable<CredentialRecord["credential"]>][] =>
    [...records.values()].flatMap(({ id, credential }) => (credential ? [[id, credential]] : []));

  function remove(id: string): boolean {
    if (isConfigured(id)) throw new RelayError("ERR_RELAY_CONFIGURED", { detail: id });
    if (!records.get(id)?.credential) return false;
    put(id, undefined);
    return true;
  }

  return {
    add(given) {
      const upstream = upstreamOf(given);
      const { apiKey, models, label, weight = 1, maxInFlight } = given;
      const tier = tierOf(given);
      const fault = typeof apiKey === "string" ? faultOfKey(apiKey) : "must be a string";
      if (fault !== undefined) throw wrong("apiKey", fault);
      // The same identity twice is one (K9): whatever it is called, the key is what the upstream counts.
      const same = alive().find(([, it]) => it.upstream === upstream && it.apiKey === apiKey);
      const id = same?.[0] ?? given.id ?? crypto.randomUUID();
      if (isConfigured(id)) throw new RelayError("ERR_RELAY_CONFIGURED", { detail: id });
      put(id, {
        label: label ?? id,
        upstream,
        tier,
        weight,
        allow: models?.allow,
        deny: models?.deny,
        maxInFlight,
        origin: ORIGIN,
        apiKey,
        createdAt: records.get(id)?.credential?.createdAt ?? clock.now(),
      });
      return id;
    },
    remove,
    export: (withSecrets) =>
      alive().map(([id, { label, upstream, tier, weight, allow, deny, maxInFlight, apiKey }]) => ({
        id,
        label,
        upstream,
        tier: toTierName(tier, config.tiers),
        weight,
        ...((allow || deny) && {
          models: { ...(allow && { allow: [...allow] }), ...(deny && { deny: [...deny] }) },
        }),
        ...(maxInFlight !== undefined && { maxInFlight }),
        ...(withSecrets && { apiKey }),
      })),
    restore(found) {
      for (const record of found)
        if (!record.credential || record.credential.origin === ORIGIN) take(record);
    },
    prune() {
      forgetRemoved();
      const { pruneAfter } = config.limits;
      if (pruneAfter === false) return;
      for (const pool of pools.values())
        for (const { id } of pool.credentials) {
          const disabled = health.get(id);
          if (!disabled || clock.now() - disabled.at < pruneAfter || reported.has(id)) continue;
          reported.add(id);
          const isAdded = records.get(id)?.credential !== undefined;
          reporter.warn(
            `credential ${id} has been out of use since ${new Date(disabled.at).toISOString()}: ${disabled.reason}${isAdded ? "; it is removed" : ""}`,
          );
          if (isAdded) remove(id);
        }
    },
  };
}

function wrong(path: string, detail: string): RelayError {
  return new RelayError("ERR_RELAY_CREDENTIAL", { path, detail });
}
