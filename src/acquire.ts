// Anonymous tokens: acquired when nobody else can carry a request, inside what the provider allows (rows H).
import type { Target } from "./contract/target.ts";
import type { AcquirerConfig } from "./contract/anonymous.ts";
import type { CredentialRecord, MarkRecord } from "./contract/state.ts";
import {
  type Acquirer,
  type AcquirerView,
  createAcquirer,
  type Outlook,
  UNSAFE,
} from "./acquire/acquirer.ts";
import { createLimiter, type Limiter } from "./acquire/limiter.ts";
import type { AcquireRooms } from "./acquire/rooms.ts";
import { describeFault } from "./observe/fault.ts";
import { toModelTest } from "./pool/model-lists.ts";

export interface Acquirers {
  /** Somebody of `tier` was chosen, or nobody (`Infinity`): begins to create a token where a better one is wanted (H6). */
  wanted(target: Target, tier: number): void;
  /** What may still come for a target; `undefined` where nothing may. */
  outlook(target: Target): Outlook | undefined;
  /** Why no token can be created for a target at all; `undefined` where one can, or nobody creates any for it. */
  obstacle(target: Target): string | undefined;
  /** A request goes out with a credential. */
  sent(credential: string): void;
  /** A credential was put out of use, or back. */
  marked(mark: MarkRecord): void;
  /** Takes in what the store says of credentials made at run time. */
  restore(records: readonly CredentialRecord[]): Promise<void>;
  status(): AcquirerView[];
  close(): Promise<void>;
}

/** Creates the acquirers of a configuration; `undefined` where there are none. */
export function createAcquirers(
  rooms: AcquireRooms,
  configs: readonly AcquirerConfig[],
): Acquirers | undefined {
  if (configs.length === 0) return undefined;
  const limiters = new Map<string, Limiter>();
  const acquirers = configs.map((config) => createAcquirer(rooms, config, limiterOf(config)));
  const serves = new Map(configs.map(({ id, allow, deny }) => [id, toModelTest(allow, deny)]));
  let hasWarned = false;

  function limiterOf({ limiter: key }: AcquirerConfig): Limiter {
    const { clock, isOnly } = rooms;
    const { leases, creations } = rooms.state;
    const instance = crypto.randomUUID();
    const made =
      limiters.get(key) ?? createLimiter({ key, leases, creations, clock, instance, isOnly });
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
    wanted(target, tier) {
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
    outlook(target) {
      const outlooks = [...serving(target)].flatMap((one) => one.outlook(rooms.clock.now()) ?? []);
      const first = outlooks.find(({ kind }) => kind === "creating");
      if (first) return first;
      const later = outlooks.filter((it) => it.kind === "later");
      return later.toSorted((a, b) => a.at - b.at)[0];
    },
    obstacle(target) {
      for (const one of serving(target)) {
        const obstacle = one.obstacle();
        if (obstacle !== undefined) return obstacle;
      }
      return undefined;
    },
    sent(credential) {
      for (const one of acquirers) one.sent(credential);
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
