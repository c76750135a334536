// What an operator may do with credentials while the relay runs.
import type { Clock } from "../contract/clock.ts";
import type { VerdictApplier } from "../cooldowns/apply-verdict.ts";
import type { Cooldowns } from "../cooldowns/cooldowns.ts";
import type { DisabledCredentials } from "../cooldowns/disabled-credentials.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { Pool } from "../pool/pool.ts";
import type {
  AddedCredential,
  ExportedCredential,
  RuntimeCredentials,
} from "./runtime-credentials.ts";

export interface Credentials {
  /** Disables a credential. False if there is none with that id. */
  disable(id: string, reason?: string): boolean;
  /** Enables a credential; its cooldowns stay. False if it was not disabled. */
  enable(id: string): boolean;
  /** Ends all cooldowns of a credential, and resets their backoff. False if there is none with that id. */
  clear(id: string): boolean;
  /**
   * Adds a key while the relay runs, on every instance of the store. Returns its id.
   * Throws `ERR_RELAY_CREDENTIAL`, `ERR_RELAY_CONFIGURED`.
   */
  add(credential: AddedCredential): string;
  /** Removes a credential that was added. False if there is none with that id. Throws `ERR_RELAY_CONFIGURED`. */
  remove(id: string): boolean;
  /** Returns the credentials that were added, as JSON; with their keys only if `secrets` is true. */
  export(options?: { secrets?: boolean }): ExportedCredential[];
  /** Adds what `export` returned, with keys. Returns the number of credentials. */
  import(credentials: readonly AddedCredential[]): number;
}

export interface CredentialsDeps {
  config: Pick<RelayConfig, "acquirers">;
  pools: ReadonlyMap<string, Pool>;
  cooldowns: Cooldowns;
  disabled: DisabledCredentials;
  verdicts: Pick<VerdictApplier, "clear">;
  runtimeCredentials: RuntimeCredentials;
  clock: Clock;
}

export function createCredentials(deps: CredentialsDeps): Credentials {
  const { config, pools, cooldowns, disabled, verdicts, runtimeCredentials, clock } = deps;
  const exists = (id: string): boolean =>
    [...pools.values()].some((pool) => pool.has(id)) || config.acquirers.some((it) => it.id === id);
  return {
    disable(id, reason = "by an operator") {
      if (!exists(id)) return false;
      disabled.disable(id, { cause: "operator", reason, at: clock.now() });
      return true;
    },
    enable: (id) => exists(id) && disabled.enable(id, clock.now()),
    add: (credential) => runtimeCredentials.add(credential),
    remove: (id) => runtimeCredentials.remove(id),
    export: ({ secrets = false } = {}) => runtimeCredentials.export(secrets),
    import(credentials) {
      for (const credential of credentials) runtimeCredentials.add(credential);
      return credentials.length;
    },
    clear(id) {
      const closed = [...cooldowns.all(clock.now())].filter(({ key }) => key.credential === id);
      for (const { key } of closed) verdicts.clear(key);
      return exists(id);
    },
  };
}
