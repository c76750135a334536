// Anonymous tokens: acquired when no other credential is available, within the limits of the provider (rows H).
import type { AcquirerConfig } from "../contract/anonymous-source.ts";
import type { CredentialRecord, DisableRecord } from "../contract/records.ts";
import type { Target } from "../contract/target.ts";
import { toModelTest } from "../shared/patterns.ts";
import { describeFault } from "../shared/describe-error.ts";
import { Acquirer, type AcquirerView, type Forecast, UNSAFE } from "./acquirer.ts";
import type { AcquirerDeps } from "./acquirer-deps.ts";
import { createCreationLimiter, type CreationLimiter } from "./creation-limiter.ts";

export interface Acquirers {
  /** A credential of `tier` was selected, or none (`Infinity`): begins to create a token if a better tier is wanted (H6). */
  requestToken(target: Target, tier: number): void;
  /** When a token may become available for a target; `undefined` if none will. */
  forecast(target: Target): Forecast | undefined;
  /** Why no token can be created for a target; `undefined` if one can, or no acquirer serves the target. */
  unavailableReason(target: Target): string | undefined;
  /** Counts a request that is sent with a credential. */
  recordUse(credential: string): void;
  /** Applies that a credential was disabled or enabled. */
  marked(mark: DisableRecord): void;
  /** Applies the records of credentials made at run time. Never rejects. */
  restore(records: readonly CredentialRecord[]): Promise<void>;
  status(): AcquirerView[];
  close(): Promise<void>;
}

/** Creates the acquirers of a configuration; `undefined` if it has none. */
export function createAcquirers(
  deps: AcquirerDeps,
  configs: readonly AcquirerConfig[],
): Acquirers | undefined {
  return configs.length === 0 ? undefined : new AcquirerGroup(deps, configs);
}

class AcquirerGroup implements Acquirers {
  readonly #deps: AcquirerDeps;
  readonly #acquirers: readonly Acquirer[];
  /** Whether an acquirer serves a model, by its id. */
  readonly #serves: ReadonlyMap<string, (model: string) => boolean>;
  #hasWarned = false;

  constructor(deps: AcquirerDeps, configs: readonly AcquirerConfig[]) {
    const limiters = new Map<string, CreationLimiter>();
    this.#deps = deps;
    this.#acquirers = configs.map(
      (config) => new Acquirer(deps, config, limiterOf(deps, config, limiters)),
    );
    this.#serves = new Map(configs.map(({ id, allow, deny }) => [id, toModelTest(allow, deny)]));
  }

  requestToken(target: Target, tier: number): void {
    const now = this.#deps.clock.now();
    const pool = this.#deps.pools.get(target.upstream)!;
    for (const one of this.#serving(target)) {
      if (tier <= one.config.tier) continue;
      this.#warnUnsafe();
      // Behind a limit that all credentials share, another token would not help.
      if (pool.sharedUntil(target, now) > 0) return;
      // A credential that was excluded after failing this request alone is still available to others.
      if (pool.bestTier(target, now) > one.config.tier) one.trigger();
    }
  }

  forecast(target: Target): Forecast | undefined {
    const now = this.#deps.clock.now();
    const forecasts = [...this.#serving(target)].flatMap((one) => one.forecast(now) ?? []);
    const creating = forecasts.find(({ kind }) => kind === "creating");
    if (creating) return creating;
    const later = forecasts.filter((it) => it.kind === "later");
    return later.toSorted((a, b) => a.at - b.at)[0];
  }

  unavailableReason(target: Target): string | undefined {
    for (const one of this.#serving(target)) {
      const reason = one.unavailableReason();
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  recordUse(credential: string): void {
    for (const one of this.#acquirers) one.recordUse(credential);
  }

  marked(mark: DisableRecord): void {
    for (const one of this.#acquirers) one.applyMark(mark);
  }

  async restore(records: readonly CredentialRecord[]): Promise<void> {
    for (const one of this.#acquirers)
      await one
        .restore(records)
        .catch((error: unknown) =>
          this.#deps.reporter.error(
            `the tokens of acquirer ${one.config.id} could not be read from the state store: ${describeFault(error)}`,
          ),
        );
  }

  status(): AcquirerView[] {
    return this.#acquirers.map((one) => one.status());
  }

  async close(): Promise<void> {
    await Promise.all(this.#acquirers.map((one) => one.close()));
  }

  *#serving({ upstream, model }: Target): Iterable<Acquirer> {
    for (const one of this.#acquirers)
      if (one.config.upstream === upstream && this.#serves.get(one.config.id)!(model)) yield one;
  }

  #warnUnsafe(): void {
    if (this.#hasWarned || this.#deps.isSafe()) return;
    this.#hasWarned = true;
    this.#deps.reporter.warn(`no anonymous token is created: ${UNSAFE}`);
  }
}

/** Acquirers with the same `limiter` key share one limiter. */
function limiterOf(
  { clock, isOnly, state: { leases, creations } }: AcquirerDeps,
  { limiter: key }: AcquirerConfig,
  limiters: Map<string, CreationLimiter>,
): CreationLimiter {
  const instance = crypto.randomUUID();
  const limiter =
    limiters.get(key) ?? createCreationLimiter({ key, leases, creations, clock, instance, isOnly });
  limiters.set(key, limiter);
  return limiter;
}
