// Looks for another cause of a refusal without a stated wait: the whole credential, the request, or the model (D11).
import type { Key } from "../contract/credential.ts";
import { REASONS } from "../shared/reasons.ts";
import { Attribution, type Correction } from "./attribution.ts";
import type { Failure, Success } from "./outcome.ts";

/** What another explanation of a refusal changes. */
export type Reattributed =
  /** The credential was refused for this other family just before: the limit is its own, for every model. */
  | { kind: "widened"; otherFamily: string }
  /** The credentials were not the cause: what closed them is opened. */
  | { kind: "corrected"; correction: Correction };

/** Collects refusals and successes, and decides which refusals have another cause. Closes and opens nothing itself. */
export class Reattribution {
  readonly #attribution = new Attribution();
  readonly #hasOnePool: (upstream: string) => boolean;

  /** `hasOnePool` is true for an upstream with one quota pool. */
  constructor(hasOnePool: (upstream: string) => boolean) {
    this.#hasOnePool = hasOnePool;
  }

  /** Weighs a refusal that met a cooldown, or opened it (`isFirst`), with a wait of our own choice. */
  refused(
    { requestId: request, credential, target, verdict, sentAt }: Failure,
    { key, openedAt }: { key: Key; openedAt: number },
    isFirst: boolean,
    now: number,
  ): Reattributed | undefined {
    const { reason, scope } = verdict;
    if (!REASONS[reason].weighed || verdict.noAccess) return undefined;
    const { pool, family, upstream } = target;
    const refused = { request, reason, credential, pool, family, key, openedAt, isFirst, sentAt };
    const isLimit = isFirst && scope === "model" && reason !== "UNKNOWN";
    const otherFamily = isLimit
      ? this.#attribution.secondFamily(refused, this.#hasOnePool(upstream), now)
      : undefined;
    const correction = this.#attribution.refused(refused, now);
    if (correction) return { kind: "corrected", correction };
    return otherFamily === undefined ? undefined : { kind: "widened", otherFamily };
  }

  /** Weighs a first payload. Returns what it proves wrong. */
  served(
    { requestId: request, credential, target: { pool, family }, sentAt }: Success,
    now: number,
  ): Correction | undefined {
    return this.#attribution.served({ request, credential, pool, family, sentAt }, now);
  }
}
