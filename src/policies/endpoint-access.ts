// Whether an endpoint may be called now: its circuit breaker (F2), and the calls that wait for its answers (E19).
import type { Endpoint, Target } from "../contract/target.ts";
import { isAIDialect } from "../shared/ai-dialect.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import { type PendingAnswers, type PendingRefusal, RETURN_AFTER } from "./pending-answers.ts";

export interface EndpointAccessDeps {
  circuits: Pick<CircuitBreaker, "openUntil">;
  pendingAnswers: Pick<PendingAnswers, "refusal">;
}

type Called = Pick<Target, "dialect" | "endpoints">;

/** Until when an endpoint is not called, UTC epoch ms; 0 if it may be called now. */
export function closedUntil(
  deps: EndpointAccessDeps,
  endpoint: Endpoint,
  { dialect }: Called,
  now: number,
): number {
  const open = deps.circuits.openUntil(endpoint, now);
  if (open > 0 || !isAIDialect(dialect)) return open;
  return deps.pendingAnswers.refusal(endpoint, now) ? now + RETURN_AFTER : 0;
}

/** Until when none of a target's endpoints is called, UTC epoch ms; 0 if one may be called now. */
export function downUntil(deps: EndpointAccessDeps, target: Called, now: number): number {
  return Math.min(...target.endpoints.map((one) => closedUntil(deps, one, target, now)));
}

/** Why the endpoint of a target that opens first is not called, where that is not its circuit breaker. */
export function pendingRefusalOf(
  deps: EndpointAccessDeps,
  target: Called,
  now: number,
): PendingRefusal | undefined {
  const until = downUntil(deps, target, now);
  const first = target.endpoints.find((one) => closedUntil(deps, one, target, now) === until);
  if (!first || !isAIDialect(target.dialect) || deps.circuits.openUntil(first, now) > 0)
    return undefined;
  return deps.pendingAnswers.refusal(first, now);
}
