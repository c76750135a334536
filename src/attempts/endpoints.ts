// Which of an upstream's endpoints a request calls next: the first that has not failed it and is not left alone (E11, F2).
import type { Endpoint, Target } from "../contract/target.ts";
import type { Rooms } from "../rooms.ts";
import { type Errand, openTargets, type Standing } from "./standing.ts";

/** Returns the endpoint to call; the first again where all have failed this request, `undefined` where none may be called. */
export function nextEndpoint(
  { circuits, clock }: Rooms,
  { setbacks }: Standing,
  { endpoints }: Target,
): Endpoint | undefined {
  const now = clock.now();
  const open = endpoints.filter((one) => circuits.closedUntil(one, now) === 0);
  return open.find((one) => !setbacks?.failedAt.has(one)) ?? open[0];
}

/** Tells whether an endpoint is left that has not failed this request. */
export function hasFreshEndpoint(rooms: Rooms, standing: Standing, target: Target): boolean {
  const next = nextEndpoint(rooms, standing, target);
  return next !== undefined && !standing.setbacks?.failedAt.has(next);
}

/** Until when no endpoint of a target may be called, UTC epoch ms; 0 where one may. */
export function downUntil({ circuits, clock }: Rooms, { endpoints }: Target): number {
  const now = clock.now();
  return Math.min(...endpoints.map((one) => circuits.closedUntil(one, now)));
}

/** Targets that a request may still go to and that can be reached. */
export function reachableTargets(rooms: Rooms, errand: Errand, standing: Standing): Target[] {
  return openTargets(errand, standing).filter((target) => downUntil(rooms, target) === 0);
}
