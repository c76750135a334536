// Where else a request may go: the next quota pool, the next model (D8, D9).
import type { Verdict } from "../contract/verdict.ts";
import type { Step } from "../policies/retry-policy.ts";
import { type AttemptServices, poolOf } from "./attempt-services.ts";
import type { AttemptState } from "./attempt-state.ts";
import type { Availability } from "./availability.ts";
import type { RequestPlan } from "./request-plan.ts";

/** True if a credential is available at a later target now. */
export function hasFallback(
  { pools, clock }: Pick<AttemptServices, "pools" | "clock">,
  availability: Availability,
  plan: RequestPlan,
  state: AttemptState,
  failed: { credential: string; verdict: Verdict },
): boolean {
  const { targets, target } = plan;
  if (targets.length === 1 || failed.verdict.action === "no") return false;
  const now = clock.now();
  const own = isAboutTarget(failed.verdict) ? [] : [failed.credential];
  return availability
    .reachableTargets(plan, state)
    .filter((one) => targets.indexOf(one) > targets.indexOf(target))
    .some((one) => {
      const wanted = availability.wantedAt(plan, state, one);
      const excluded = [...wanted.excluded, ...own];
      return poolOf({ pools }, one).hasAny({ ...wanted, excluded }, now);
    });
}

/** True if a failure is about this model and quota pool, and not about the credential as a whole. */
export function isAboutTarget({ scope }: Verdict): boolean {
  return scope === "model" || scope === "upstream-model" || scope === "none";
}

/**
 * True when the request should fall back to the next target. The last attempt of its budget belongs to the next target, and
 * the request does not wait for a limit that all credentials share while there is a next target.
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
