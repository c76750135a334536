// Anonymous tokens: acquired when nobody else can carry a request, inside what the provider allows (rows H).
import type { Target } from "../contract/target.ts";
import type { AcquirerConfig } from "../contract/anonymous-source.ts";
import type { CredentialRecord, DisableRecord } from "../contract/state.ts";
import {
  type Acquirer,
  type AcquirerView,
  createAcquirer,
  type Forecast,
  UNSAFE,
} from "./acquirer.ts";
import { createCreationLimiter, type CreationLimiter } from "./creation-limiter.ts";
import type { AcquirerDeps } from "./acquirer-deps.ts";
import { describeFault } from "../shared/describe-error.ts";
import { toModelTest } from "../shared/patterns.ts";

export interface Acquirers {
  /** Somebody of `tier` was chosen, or nobody (`Infinity`): begins to create a token where a better one is wanted (H6). */
  requestToken(target: Target, tier: number): void;
  /** What may still come for a target; `undefined` where nothing may. */
  forecast(target: Target): Forecast | undefined;
  /** Why no token can be created for a target at all; `undefined` where one can, or nobody creates any for it. */
  unavailableReason(target: Target): string | undefined;
  /** A request goes out with a credential. */
  recordUse(credential: string): void;
  /** A credential was put out of use, or back. */
  marked(mark: DisableRecord): void;
  /** Takes in what the store says of credentials made at run time. */
  restore(records: readonly CredentialRecord[]): Promise<void>;
  status(): AcquirerView[];
  close(): Promise<void>;
}

/** Creates the acquirers of a configuration; `undefined` where there are none. */
export function createAcquirers(
  rooms: AcquirerDeps,
  configs: readonly AcquirerConfig[],
): Acquirers | undefined {
  if (configs.length === 0) return undefined;
  const limiters = new Map<string, CreationLimiter>();
  const acquirers = configs.map((config) => createAcquirer(rooms, config, limiterOf(config)));
  const serves = new Map(configs.map(({ id, allow, deny }) => [id, toModelTest(allow, deny)]));
  let hasWarned = false;

  function limiterOf({ limiter: key }: AcquirerConfig): CreationLimiter {
    const { clock, isOnly } = rooms;
    const { leases, creations } = rooms.state;
    const instance = crypto.randomUUID();
    const made =
      limiters.get(key) ??
      createCreationLimiter({ key, leases, creations, clock, instance, isOnly });
    limiters.set(key, made);
    return made;
  }

  function* serving({ upstream, model }: Target): Iterable<Acquirer> {
    for (const one of acquirers)
      if (one.config.upstream === upstream && serves.get(one.config.id)!(model)) yield one;
  }

  function warnUnsafe(): void {
    if (hasWarned || rooms.isSafe()) return;
    hasWarned = true;
    rooms.reporter.warn(`no anonymous token is created: ${UNSAFE}`);
  }

  return {
    requestToken(target, tier) {
      const now = rooms.clock.now();
      const pool = rooms.pools.get(target.upstream)!;
      for (const one of serving(target)) {
        if (tier <= one.config.tier) continue;
        warnUnsafe();
        // Behind a limit that all share, another token would be of no use.
        if (pool.sharedUntil(target, now) > 0) return;
        // Whoever failed this one request alone is still there for the others.
        if (pool.bestTier(target, now) > one.config.tier) one.trigger();
      }
    },
    forecast(target) {
      const outlooks = [...serving(target)].flatMap((one) => one.forecast(rooms.clock.now()) ?? []);
      const first = outlooks.find(({ kind }) => kind === "creating");
      if (first) return first;
      const later = outlooks.filter((it) => it.kind === "later");
      return later.toSorted((a, b) => a.at - b.at)[0];
    },
    unavailableReason(target) {
      for (const one of serving(target)) {
        const obstacle = one.unavailableReason();
        if (obstacle !== undefined) return obstacle;
      }
      return undefined;
    },
    recordUse(credential) {
      for (const one of acquirers) one.recordUse(credential);
    },
    marked(mark) {
      for (const one of acquirers) one.marked(mark);
    },
    async restore(records) {
      for (const one of acquirers)
        await one
          .restore(records)
          .catch((error: unknown) =>
            rooms.reporter.error(
              `the tokens of acquirer ${one.config.id} could not be read: ${describeFault(error)}`,
            ),
          );
    },
    status: () => acquirers.map((one) => one.status()),
    close: async () => void (await Promise.all(acquirers.map((one) => one.close()))),
  };
}
