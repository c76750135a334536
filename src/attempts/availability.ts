// Which targets and endpoints a request may still use, and why no credential is available at one.
import type { Forecast } from "../anonymous/acquirer.ts";
import type { Endpoint, Target } from "../contract/target.ts";
import { closedUntil, downUntil } from "../policies/endpoint-access.ts";
import type { Blocked, Wanted } from "../pool/selection.ts";
import { REASONS } from "../shared/reasons.ts";
import { type AttemptServices, poolOf } from "./attempt-services.ts";
import { excludedFor, type AttemptState } from "./attempt-state.ts";
import type { RequestPlan } from "./request-plan.ts";

export type AvailabilityDeps = Pick<
  AttemptServices,
  "pools" | "circuits" | "pendingAnswers" | "acquirers" | "clock" | "cooldowns"
>;

/** What a request looks for at one target. */
export type WantedTarget = Omit<Wanted, "target"> & { target: Target };

/** Why no credential is available. */
export interface Unavailability extends Omit<Blocked, "why"> {
  /** `acquiring`: a token is being created. */
  why: Blocked["why"] | "acquiring";
  /** Why the last token could not be created; `undefined` if the provider's limit was the cause. */
  failure?: string | undefined;
}

type Later = Extract<Forecast, { kind: "later" }>;

/** What ends by itself comes before a token that must be created. */
const SOON: ReadonlySet<Blocked["why"]> = new Set<Blocked["why"]>(["busy", "trial", "held"]);

export class Availability {
  readonly #deps: AvailabilityDeps;

  constructor(deps: AvailabilityDeps) {
    this.#deps = deps;
  }

  /**
   * Returns the endpoint to call: the first that may be called (F2, E19) and has not failed for this request (E11).
   * If all have failed, the first again; `undefined` if none may be called.
   */
  nextEndpoint({ history }: AttemptState, target: Target): Endpoint | undefined {
    const now = this.#deps.clock.now();
    const open = target.endpoints.filter((one) => closedUntil(this.#deps, one, target, now) === 0);
    return open.find((one) => !history?.failedAt.has(one)) ?? open[0];
  }

  /** True if an endpoint is left that has not failed for this request. */
  hasFreshEndpoint(state: AttemptState, target: Target): boolean {
    const next = this.nextEndpoint(state, target);
    return next !== undefined && !state.history?.failedAt.has(next);
  }

  /** Until when no endpoint of a target is called (F2, E19), UTC epoch ms; 0 if one may be called. */
  downUntil(target: Target): number {
    return downUntil(this.#deps, target, this.#deps.clock.now());
  }

  /** Targets that a request may still go to, in order. */
  openTargets(
    { targets, target }: RequestPlan,
    { last, history }: AttemptState,
  ): readonly Target[] {
    if (targets.length === 1) return targets;
    if (last && !REASONS[last.verdict.reason].fallback) return [target];
    return history ? targets.filter((one) => !history.left.has(one)) : targets;
  }

  /** Targets that a request may still go to and of which an endpoint may be called. */
  reachableTargets(plan: RequestPlan, state: AttemptState): Target[] {
    return this.openTargets(plan, state).filter((target) => this.downUntil(target) === 0);
  }

  /** What a request looks for at one target. */
  wantedAt({ session }: RequestPlan, state: AttemptState, target: Target): WantedTarget {
    return { target, session, excluded: excludedFor(state, target) };
  }

  /** Returns why no credential can be selected, and when that may change (H5, H6). */
  whyUnavailable(wanted: WantedTarget, now: number): Unavailability {
    const { acquirers } = this.#deps;
    const pool = poolOf(this.#deps, wanted.target);
    const blocked = pool.blocked(wanted, now);
    if (!acquirers || SOON.has(blocked.why) || pool.sharedUntil(wanted.target, now) > 0)
      return blocked;
    // A credential that failed for this request alone still serves others: no token is created in its place.
    if (blocked.why === "spent" && pool.hasAny({ ...wanted, excluded: [] }, now)) return blocked;
    const forecast = acquirers.forecast(wanted.target);
    if (!forecast || (forecast.kind === "later" && forecast.at <= now)) return blocked;
    if (forecast.kind === "creating") return { why: "acquiring", until: Infinity, key: undefined };
    return forecast.at < blocked.until ? toUnavailability(forecast) : blocked;
  }
}

function toUnavailability({ at, key, failure }: Later): Unavailability {
  return { why: "cooling", until: at, key, failure };
}
