// Which of an upstream's endpoints a request calls next: the first that has not failed it and is not left alone (E11, F2).
import type { Endpoint, Target } from "../contract/target.ts";
import type { Services } from "../wiring/create-services.ts";
import { type RequestPlan, openTargets, type AttemptState } from "./attempt-state.ts";

/** Returns the endpoint to call; the first again where all have failed this request, `undefined` where none may be called. */
export function nextEndpoint(
  { circuits, clock }: Services,
  { history }: AttemptState,
  { endpoints }: Target,
): Endpoint | undefined {
  const now = clock.now();
  const open = endpoints.filter((one) => circuits.openUntil(one, now) === 0);
  return open.find((one) => !history?.failedAt.has(one)) ?? open[0];
}

/** Tells whether an endpoint is left that has not failed this request. */
export function hasFreshEndpoint(rooms: Services, state: AttemptState, target: Target): boolean {
  const next = nextEndpoint(rooms, state, target);
  return next !== undefined && !state.history?.failedAt.has(next);
}

/** Until when no endpoint of a target may be called, UTC epoch ms; 0 where one may. */
export function downUntil({ circuits, clock }: Services, { endpoints }: Target): number {
  const now = clock.now();
  return Math.min(...endpoints.map((one) => circuits.openUntil(one, now)));
}

/** Targets that a request may still go to and that can be reached. */
export function reachableTargets(
  rooms: Services,
  plan: RequestPlan,
  state: AttemptState,
): Target[] {
  return openTargets(plan, state).filter((target) => downUntil(rooms, target) === 0);
}
