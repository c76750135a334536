// Credentials that an operator adds and removes while the relay runs: kept in the store, and shared by every instance (K6, K8, K9).
import type { Clock } from "../contract/clock.ts";
import type { Credential } from "../contract/credential.ts";
import type { CredentialRecord } from "../contract/records.ts";
import type { State } from "../contract/state.ts";
import type { DisabledCredentials } from "../cooldowns/disabled-credentials.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { Pool } from "../pool/pool.ts";
import { RelayError } from "../shared/errors.ts";
import { faultOfKey } from "../shared/key-faults.ts";
import { toTierName } from "../shared/tier-names.ts";
import { TOMBSTONE_KEPT } from "../state/records/tombstones.ts";

/** A static key that is added at run time. */
export interface AddedCredential {
  /** @default a random one */
  id?: string;
  /** Name in status and log. @default the id */
  label?: string;
  /** Name of the upstream; may be omitted if there is only one. */
  upstream?: string;
  apiKey: string;
  /** Priority: a number, or a name out of `tiers`. A lower number (an earlier name) is used first. @default 1, or the first name */
  tier?: number | string;
  /** Share of the requests under the strategy `weighted`, from 1 to 100. @default 1 */
  weight?: number;
  /** Patterns of models that it serves (`gpt-4*`), and of models that it is never used for; `deny` overrides `allow`. */
  models?: { allow?: string[]; deny?: string[] };
  /** Maximum number of concurrent requests. @default no limit */
  maxInFlight?: number;
}

/** What `export` returns and `import` accepts: JSON. `apiKey` is present only if it was asked for. */
export type ExportedCredential = Omit<AddedCredential, "apiKey"> & { id: string; apiKey?: string };

export interface RuntimeCredentialsDeps {
  config: RelayConfig;
  pools: ReadonlyMap<string, Pool>;
  disabled: DisabledCredentials;
  state: Pick<State, "putCredential">;
  reporter: Pick<Reporter, "warn">;
  clock: Clock;
  /** The keys that were added, by credential. */
  addedKeys: Map<string, string>;
}

type StoredCredential = NonNullable<CredentialRecord["credential"]>;

const ORIGIN = "operator";

export class RuntimeCredentials {
  readonly #deps: RuntimeCredentialsDeps;
  /** Every known record, tombstones included: a revision must never be given twice. */
  readonly #records = new Map<string, CredentialRecord>();
  readonly #reported = new Set<string>();

  constructor(deps: RuntimeCredentialsDeps) {
    this.#deps = deps;
  }

  /**
   * Adds a key and returns its id. A key that the upstream has already keeps its id.
   * Throws `ERR_RELAY_CREDENTIAL`, `ERR_RELAY_CONFIGURED`.
   */
  add(given: AddedCredential): string {
    const { clock } = this.#deps;
    const upstream = this.#upstreamOf(given);
    const { apiKey, models, label, weight = 1, maxInFlight } = given;
    const tier = this.#tierOf(given);
    const fault = typeof apiKey === "string" ? faultOfKey(apiKey) : "must be a string";
    if (fault !== undefined) throw wrong("apiKey", fault);
    // The same key twice is one credential (K9): the upstream counts by the key, whatever its id.
    const same = this.#alive().find(([, it]) => it.upstream === upstream && it.apiKey === apiKey);
    const id = same?.[0] ?? given.id ?? crypto.randomUUID();
    if (this.#isConfigured(id)) throw new RelayError("ERR_RELAY_CONFIGURED", { detail: id });
    this.#put(id, {
      label: label ?? id,
      upstream,
      tier,
      weight,
      allow: models?.allow,
      deny: models?.deny,
      maxInFlight,
      origin: ORIGIN,
      apiKey,
      createdAt: this.#records.get(id)?.credential?.createdAt ?? clock.now(),
    });
    return id;
  }

  /** Removes a credential that was added; false if there is none with that id. Throws `ERR_RELAY_CONFIGURED` for a configured one. */
  remove(id: string): boolean {
    if (this.#isConfigured(id)) throw new RelayError("ERR_RELAY_CONFIGURED", { detail: id });
    if (!this.#records.get(id)?.credential) return false;
    this.#put(id, undefined);
    return true;
  }

  /** Returns the credentials that were added; with their keys if `withSecrets` is true. */
  export(withSecrets: boolean): ExportedCredential[] {
    const { tiers } = this.#deps.config;
    return this.#alive().map(
      ([id, { label, upstream, tier, weight, allow, deny, maxInFlight, apiKey }]) => ({
        id,
        label,
        upstream,
        tier: toTierName(tier, tiers),
        weight,
        ...((allow || deny) && {
          models: { ...(allow && { allow: [...allow] }), ...(deny && { deny: [...deny] }) },
        }),
        ...(maxInFlight !== undefined && { maxInFlight }),
        ...(withSecrets && { apiKey }),
      }),
    );
  }

  /** Applies the records of the store, tombstones included. */
  restore(found: readonly CredentialRecord[]): void {
    for (const record of found)
      if (!record.credential || record.credential.origin === ORIGIN) this.#apply(record);
  }

  /** Reports credentials that have been disabled for longer than `limits.pruneAfter`, and removes those that were added (F7). */
  prune(): void {
    const { config, pools, disabled, clock, reporter } = this.#deps;
    this.#forgetRemoved();
    const { pruneAfter } = config.limits;
    if (pruneAfter === false) return;
    for (const pool of pools.values())
      for (const { id } of pool.credentials) {
        const mark = disabled.get(id);
        if (!mark || clock.now() - mark.at < pruneAfter || this.#reported.has(id)) continue;
        this.#reported.add(id);
        const isAdded = this.#records.get(id)?.credential !== undefined;
        reporter.warn(
          `credential ${id} has been disabled since ${new Date(mark.at).toISOString()}: ${mark.reason}${isAdded ? "; it is removed" : ""}`,
        );
        if (isAdded) this.remove(id);
      }
  }

  #isConfigured(id: string): boolean {
    const { secrets, sources, acquirers } = this.#deps.config;
    return secrets.has(id) || sources.has(id) || acquirers.some((it) => it.id === id);
  }

  #put(id: string, credential: CredentialRecord["credential"]): void {
    const revision = (this.#records.get(id)?.revision ?? 0) + 1;
    const record = { id, credential, revision, writtenAt: this.#deps.clock.now() };
    this.#apply(record);
    this.#deps.state.putCredential(record);
  }

  #apply(record: CredentialRecord): void {
    const { id, credential } = record;
    const known = this.#records.get(id);
    if (this.#isConfigured(id) || (known && known.revision >= record.revision)) return;
    this.#records.set(id, record);
    if (credential) this.#join(id, credential);
    else this.#leave(id);
  }

  #join(id: string, stored: StoredCredential): void {
    const { pools, disabled, clock, addedKeys } = this.#deps;
    const pool = pools.get(stored.upstream);
    if (!pool || stored.apiKey === undefined) return;
    addedKeys.set(id, stored.apiKey);
    const { label, upstream, tier, weight, allow, deny, maxInFlight = Infinity } = stored;
    const credential: Credential = { id, label, upstream, tier, weight, allow, deny, maxInFlight };
    pool.add([credential], clock.now());
    if (disabled.get(id)) pool.setDisabled(id, true);
  }

  #leave(id: string): void {
    const { pools, clock, addedKeys } = this.#deps;
    addedKeys.delete(id);
    for (const pool of pools.values()) if (pool.has(id)) pool.remove([id], clock.now());
  }

  // The store has deleted them by then, too (K11).
  #forgetRemoved(): void {
    const since = this.#deps.clock.now() - TOMBSTONE_KEPT;
    for (const [id, { credential, writtenAt }] of this.#records)
      if (!credential && writtenAt < since) this.#records.delete(id);
  }

  #upstreamOf({ upstream }: Pick<AddedCredential, "upstream">): string {
    const { pools } = this.#deps;
    const names = [...pools.keys()];
    const name = upstream ?? (names.length === 1 ? names[0] : undefined);
    if (name !== undefined && pools.has(name)) return name;
    throw wrong("upstream", `must be one of ${names.join(", ")}`);
  }

  #tierOf({ tier }: Pick<AddedCredential, "tier">): number {
    const { tiers } = this.#deps.config;
    if (tier === undefined) return tiers ? 0 : 1;
    if (typeof tier === "number" && Number.isFinite(tier)) return tier;
    const rank = typeof tier === "string" && tiers ? tiers.indexOf(tier) : -1;
    if (rank >= 0) return rank;
    throw wrong("tier", tiers ? `must be one of ${tiers.join(", ")}` : "must be a number");
  }

  #alive(): [string, StoredCredential][] {
    return [...this.#records.values()].flatMap(({ id, credential }) =>
      credential ? [[id, credential]] : [],
    );
  }
}

function wrong(path: string, detail: string): RelayError {
  return new RelayError("ERR_RELAY_CREDENTIAL", { path, detail });
}
