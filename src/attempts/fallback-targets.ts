// Where else a request may go: the next quota pool, the next model (D8, D9).
import type { Verdict } from "../contract/verdict.ts";
import type { TriedTarget } from "../shared/errors.ts";
import type { Services } from "../wiring/create-services.ts";
import type { Step } from "../policies/retry-policy.ts";
import { whyBlocked } from "./availability.ts";
import { secondsUntil } from "../shared/times.ts";
import { reachableTargets } from "./endpoints.ts";
import { type RequestPlan, excludedFor, poolOf, type AttemptState } from "./attempt-state.ts";

/** Tells whether somebody could carry the request to a later target at once. */
export function hasFallback(
  rooms: Services,
  plan: RequestPlan,
  state: AttemptState,
  failed: { credential: string; verdict: Verdict },
): boolean {
  const { targets, target, session } = plan;
  if (targets.length === 1 || failed.verdict.action === "no") return false;
  const now = rooms.clock.now();
  const own = isAboutTarget(failed.verdict) ? [] : [failed.credential];
  return reachableTargets(rooms, plan, state)
    .filter((one) => targets.indexOf(one) > targets.indexOf(target))
    .some((one) => {
      const excluded = [...excludedFor(state, one), ...own];
      return poolOf(rooms, { target: one }).hasAny({ target: one, session, excluded }, now);
    });
}

/** Tells whether a failure says nothing of the credential beyond this model and pool. */
export function isAboutTarget({ scope }: Verdict): boolean {
  return scope === "model" || scope === "upstream-model" || scope === "none";
}

/**
 * Tells whether the request gives its target up for the next. The last call of its budget belongs to the next target, and
 * nobody waits for a limit that all share while there is one.
 */
export function isLeaving(
  step: Step,
  { reason, scope }: Verdict,
  attempts: number,
  maxAttempts: number,
): boolean {
  if (attempts >= maxAttempts || step.go === "other") return false;
  if (step.go === "stop" || attempts === maxAttempts - 1) return true;
  return scope.startsWith("upstream") && reason !== "MODEL_CAPACITY_EXHAUSTED";
}

/** Lists where a request could have gone and why it did not (D10); `undefined` where there was one place only. */
export function triedTargets(
  rooms: Services,
  { targets, session }: RequestPlan,
  state: AttemptState,
): TriedTarget[] | undefined {
  if (targets.length === 1) return undefined;
  const now = rooms.clock.now();
  return targets.map((target) => {
    const excluded = excludedFor(state, target);
    const { until, key, why } = whyBlocked(rooms, { target, session, excluded }, now);
    const reason =
      state.history?.reasons.get(target) ?? (key && rooms.cooldowns.get(key)?.reason) ?? why;
    const { model, pool } = target;
    return until > now && until !== Infinity
      ? { model, pool, reason, retryAfter: secondsUntil(until, now) }
      : { model, pool, reason };
  });
}
