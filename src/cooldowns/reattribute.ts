// What else is known of those whom a refusal without a stated wait has hit, and what follows: wider, narrower, or undone (D11).
import type { Key } from "../contract/credential.ts";
import type { Reason } from "../contract/verdict.ts";
import type { VerdictApplierDeps, Failure, Success } from "./apply-verdict.ts";
import type { Cooldown } from "./cooldowns.ts";
import { Attribution, type Correction } from "./attribution.ts";

export interface Reattribution {
  /** Weighs a refusal that met `cooldown`, or opened it (`isFirst`), by a wait of our own choice. */
  refused(failure: Failure, cooldown: Cooldown, isFirst: boolean): void;
  served(success: Success): void;
}

export interface Doors {
  /** Closes what a failure's scope names. */
  close(failure: Failure): void;
  /** Closes one key by the ladder. */
  closeKey(key: Key, reason: Reason): void;
  openKey(key: Key): void;
}

/** Reasons that another explanation is looked for. */
const WEIGHED: ReadonlySet<Reason> = new Set<Reason>([
  "QUOTA_EXHAUSTED",
  "RATE_LIMIT_EXCEEDED",
  "UNKNOWN",
  "BILLING",
]);

export function createReattribution(
  rooms: VerdictApplierDeps,
  { close, closeKey, openKey }: Doors,
): Reattribution {
  const { config, cooldowns, reporter, clock } = rooms;
  const blame = new Attribution();

  function undo({ blamed, reason, closed, request }: Correction): void {
    const { family } = closed[0]!;
    const undone = closed.filter(({ key, openedAt }) => cooldowns.get(key)?.openedAt === openedAt);
    for (const { key, credential, pool } of undone) {
      openKey(key);
      if (blamed === "model") closeKey({ ...key, credential, pool, family }, reason);
    }
    const who = undone.map(({ credential }) => credential).join(", ");
    const what = blamed === "request" ? "other requests" : `other models than ${family}`;
    reporter.warn(
      `what closed ${who} is undone: ${reason} came to request ${request} on each, and they serve ${what} that were sent later`,
    );
  }

  return {
    refused(failure, { key, openedAt }, isFirst) {
      const { requestId: request, credential, target, verdict, sentAt } = failure;
      const { reason, scope } = verdict;
      if (!WEIGHED.has(reason) || verdict.noAccess) return;
      const { pool, family, upstream } = target;
      const refused = { request, reason, credential, pool, family, key, openedAt, isFirst, sentAt };
      const now = clock.now();
      const isOnePool = config.upstreams.get(upstream)!.pools.length === 1;
      const isLimit = isFirst && scope === "model" && reason !== "UNKNOWN";
      const other = isLimit ? blame.secondFamily(refused, isOnePool, now) : undefined;
      const undoing = blame.refused(refused, now);
      if (undoing) return undo(undoing);
      if (other === undefined) return;
      reporter.warn(
        `credential ${credential} was refused for ${other} and ${family} within a minute: the limit is taken for its own`,
      );
      close({ ...failure, verdict: { ...verdict, scope: "credential" } });
    },
    served({ requestId: request, credential, target: { pool, family }, sentAt }) {
      const undoing = blame.served({ request, credential, pool, family, sentAt }, clock.now());
      if (undoing) undo(undoing);
    },
  };
}
